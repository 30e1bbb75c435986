-- The day of a moment where people read the reports (ROSTER_PLATFORM__REPORTING_TIMEZONE).
{% macro reporting_day(moment) -%}
    {%- set zone = env_var('ROSTER_PLATFORM__REPORTING_TIMEZONE', 'UTC') -%}
    {%- if zone == 'UTC' -%}
        cast({{ moment }} as date)
    {%- else -%}
        {{ adapter.dispatch('day_in_zone')(moment, zone) }}
    {%- endif -%}
{%- endmacro %}

-- The same for what may be a date alone: an API sends it as a midnight, and it is that day
-- everywhere.
{% macro reporting_day_of_date(moment) -%}
    {%- if env_var('ROSTER_PLATFORM__REPORTING_TIMEZONE', 'UTC') == 'UTC' -%}
        cast({{ moment }} as date)
    {%- else -%}
        case
            when {{ moment }} = {{ dbt.date_trunc('day', moment) }}
                then cast({{ moment }} as date)
            else {{ reporting_day(moment) }}
        end
    {%- endif -%}
{%- endmacro %}

-- The day of an order: by when it was recorded, or else by its date.
{% macro order_day(created_at, order_date) -%}
    coalesce(
        {{ reporting_day(created_at) }}, {{ reporting_day_of_date(order_date) }}
    )
{%- endmacro %}

{% macro default__day_in_zone(moment, zone) -%}
    cast(timezone('{{ zone }}', {{ moment }}) as date)
{%- endmacro %}

{% macro snowflake__day_in_zone(moment, zone) -%}
    cast(convert_timezone('{{ zone }}', {{ moment }}) as date)
{%- endmacro %}

{% macro bigquery__day_in_zone(moment, zone) -%}
    date({{ moment }}, '{{ zone }}')
{%- endmacro %}

{% macro databricks__day_in_zone(moment, zone) -%}
    cast(from_utc_timestamp({{ moment }}, '{{ zone }}') as date)
{%- endmacro %}
