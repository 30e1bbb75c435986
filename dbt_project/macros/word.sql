-- A word that models look for, however a server writes it: "Shareable", "canceled".
{% macro word(column) -%}
    {%- set known = normalized(column) -%}
    case when {{ known }} = 'canceled' then 'cancelled' else {{ known }} end
{%- endmacro %}
