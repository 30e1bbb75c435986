-- The day of a timestamp where people read the reports (ROSTER_PLATFORM__REPORTING_TIMEZONE).
{% macro reporting_day(timestamp) -%}
    {%- set zone = env_var('ROSTER_PLATFORM__REPORTING_TIMEZONE', 'UTC') -%}
    {%- if zone == 'UTC' -%}
        cast({{ timestamp }} as date)
    {%- else -%}
        {{ adapter.dispatch('day_in_zone')(timestamp, zone) }}
    {%- endif -%}
{%- endmacro %}

-- The same for what may be a date alone: an API sends it as a midnight, and it is that day
-- everywhere.
{% macro reporting_day_of_date(timestamp) -%}
    {%- if env_var('ROSTER_PLATFORM__REPORTING_TIMEZONE', 'UTC') == 'UTC' -%}
        cast({{ timestamp }} as date)
    {%- else -%}
        case
            when {{ timestamp }} = {{ dbt.date_trunc('day', timestamp) }}
                then cast({{ timestamp }} as date)
            else {{ reporting_day(timestamp) }}
        end
    {%- endif -%}
{%- endmacro %}

-- The day of an order: by when it was recorded, or else by its date.
{% macro order_day(created_at, order_date) -%}
    coalesce(
        {{ reporting_day(created_at) }}, {{ reporting_day_of_date(order_date) }}
    )
{%- endmacro %}

{% macro default__day_in_zone(timestamp, zone) -%}
    cast(timezone('{{ zone }}', {{ timestamp }}) as date)
{%- endmacro %}

{% macro snowflake__day_in_zone(timestamp, zone) -%}
    cast(convert_timezone('{{ zone }}', {{ timestamp }}) as date)
{%- endmacro %}

{% macro bigquery__day_in_zone(timestamp, zone) -%}
    date({{ timestamp }}, '{{ zone }}')
{%- endmacro %}

{% macro databricks__day_in_zone(timestamp, zone) -%}
    cast(from_utc_timestamp({{ timestamp }}, '{{ zone }}') as date)
{%- endmacro %}
