-- Every declared column of a raw table, typed, whether or not it was ever loaded: a
-- column or a whole table that is missing (only one API in use) reads as empty.
{% macro declared_source(source_name, table_name) -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- if execute -%}
        {%- set declared = declared_columns(source_name, table_name) -%}
        {%- set present = columns_of(source_name, table_name) -%}
        select
        {%- for name, column in declared.items() %}
            cast({{ quoted_column(name) if name in present else 'null' }} as {{ raw_type(column.data_type) }})
                as {{ quoted_column(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
        {% if present -%}
            from {{ relation }}
        {%- else -%}
            from (select 1 as nothing) as nothing
            where 1 = 0
        {%- endif %}
    {%- endif -%}
{%- endmacro %}
