-- Schemas are named by layer alone: staging, intermediate, marts.
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
