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
