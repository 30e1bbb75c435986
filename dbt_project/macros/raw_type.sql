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

{% macro bigquery__raw_type(declared) -%}
    {%- set types = {'double': 'float64', 'timestamp': 'timestamp'} -%}
    {{ return(types[declared] or default__raw_type(declared)) }}
{%- endmacro %}

{% macro databricks__raw_type(declared) -%}
    {%- set types = {'double': 'double', 'timestamp': 'timestamp'} -%}
    {{ return(types[declared] or default__raw_type(declared)) }}
{%- endmacro %}

-- What dbt says is "text", which Redshift cuts after 256 characters.
{% macro redshift__type_string() -%}
    {{ return('varchar(65535)') }}
{%- endmacro %}
