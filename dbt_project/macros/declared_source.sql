-- Every declared column of a raw table, typed, whether or not it was ever loaded: a
-- column or a whole table that is missing (only one API in use) reads as empty.
{% macro declared_source(source_name, table_name) -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- if execute -%}
        {%- set declared = (
            graph.sources.values()
            | selectattr('source_name', 'equalto', source_name)
            | selectattr('name', 'equalto', table_name)
            | first
        ).columns -%}
        {%- set loaded = load_relation(relation) -%}
        {%- set present = [] -%}
        {%- if loaded -%}
            {%- for column in adapter.get_columns_in_relation(loaded) -%}
                {%- do present.append(column.name | lower) -%}
            {%- endfor -%}
        {%- endif -%}
        select
        {%- for name, column in declared.items() %}
            cast({{ adapter.quote(name) if name in present else 'null' }} as {{ raw_type(column.data_type) }})
                as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
        {% if loaded -%}
            from {{ relation }}
        {%- else -%}
            from (select 1 as nothing) as nothing
            where 1 = 0
        {%- endif %}
    {%- endif -%}
{%- endmacro %}
