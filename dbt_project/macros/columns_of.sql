-- The names of a source's columns, as they are written in lower case; none when it was never
-- loaded. When dbt only compiles, without a connection, all that are declared.
{% macro columns_of(source_name, table_name) -%}
    {%- set names = [] -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- set loaded = load_relation(relation) if flags.INTROSPECT else none -%}
    {%- if loaded -%}
        {%- for column in get_column_schema_from_query('select * from ' ~ loaded) -%}
            {%- do names.append(column.name | lower) -%}
        {%- endfor -%}
    {%- elif not flags.INTROSPECT -%}
        {%- do names.extend(declared_columns(source_name, table_name).keys()) -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}

{% macro declared_columns(source_name, table_name) -%}
    {{ return((
        graph.sources.values()
        | selectattr('source_name', 'equalto', source_name)
        | selectattr('name', 'equalto', table_name)
        | first
    ).columns) }}
{%- endmacro %}

-- A column's name in quotes, as dlt spells it: in upper case where that is the default.
{% macro quoted_column(name) -%}
    {{ return(adapter.dispatch('quoted_column', 'roster_platform')(name)) }}
{%- endmacro %}

{% macro default__quoted_column(name) -%}
    {{ return(adapter.quote(name)) }}
{%- endmacro %}

{% macro snowflake__quoted_column(name) -%}
    {{ return(adapter.quote(name | upper)) }}
{%- endmacro %}
