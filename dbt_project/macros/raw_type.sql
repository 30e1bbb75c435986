-- The SQL type of a raw column, from the type the endpoint catalogue declares.
{% macro raw_type(declared) -%}
    {{ return(adapter.dispatch('raw_type', 'roster_platform')(declared)) }}
{%- endmacro %}

{% macro default__raw_type(declared) -%}
    {%- set types = {
        'text': dbt.type_string(),
        'json': dbt.type_string(),
        'bigint': dbt.type_bigint(),
        'double': 'double precision',
        'decimal': 'decimal(18, 4)',
        'bool': dbt.type_boolean(),
        'timestamp': 'timestamp with time zone',
        'date': 'date',
    } -%}
    {{ return(types[declared]) }}
{%- endmacro %}
