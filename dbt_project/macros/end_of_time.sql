-- Later than any moment in the data, where an open end has to compare.
{% macro end_of_time() -%}
    cast('9999-12-31 00:00:00+00' as {{ raw_type('timestamp') }})
{%- endmacro %}
