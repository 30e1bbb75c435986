-- Whether an incremental model has a table to build on; when dbt only compiles, without a
-- connection, none does.
{% macro builds_on_itself() -%}
    {{ return(flags.INTROSPECT and is_incremental()) }}
{%- endmacro %}
