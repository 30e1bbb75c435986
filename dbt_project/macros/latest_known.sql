-- An aggregate: the last value that is not NULL, in the order of the given columns.
{% macro latest_known(field, order_by) -%}
    {{ return(adapter.dispatch('latest_known', 'roster_platform')(field, order_by)) }}
{%- endmacro %}

{% macro default__latest_known(field, order_by) -%}
    first({{ field }} order by {{ order_by | join(' desc, ') }} desc)
        filter (where {{ field }} is not null)
{%- endmacro %}

{% macro postgres__latest_known(field, order_by) -%}
    (
        array_agg({{ field }} order by {{ order_by | join(' desc, ') }} desc)
            filter (where {{ field }} is not null)
    )[1]
{%- endmacro %}

{% macro snowflake__latest_known(field, order_by) -%}
    cast(get(
        array_agg({{ field }})
            within group (order by {{ order_by | join(' desc, ') }} desc),
        0
    ) as varchar)
{%- endmacro %}

{% macro bigquery__latest_known(field, order_by) -%}
    array_agg(
        {{ field }} ignore nulls order by {{ order_by | join(' desc, ') }} desc limit 1
    )[safe_offset(0)]
{%- endmacro %}

-- No other aggregate of Redshift keeps an order; a list has room for 65,535 bytes.
{% macro redshift__latest_known(field, order_by) -%}
    nullif(split_part(
        listagg({{ field }}, chr(31))
            within group (order by {{ order_by | join(' desc, ') }} desc),
        chr(31),
        1
    ), '')
{%- endmacro %}

{% macro databricks__latest_known(field, order_by) -%}
    max_by({{ field }}, struct({{ order_by | join(', ') }}))
        filter (where {{ field }} is not null)
{%- endmacro %}
