-- Later than any moment in the data, where an open end has to compare; and earlier.
{% macro end_of_time() -%}
    cast('9999-12-31 00:00:00+00' as {{ raw_type('timestamp') }})
{%- endmacro %}

{% macro beginning_of_time() -%}
    cast('0001-01-01 00:00:00+00' as {{ raw_type('timestamp') }})
{%- endmacro %}

-- Where the first version begins of what has no date of its own. Nothing was recorded before,
-- and every tool that reads the marts can show it.
{% macro start_of_history() -%}
    cast('1900-01-01 00:00:00+00' as {{ raw_type('timestamp') }})
{%- endmacro %}
