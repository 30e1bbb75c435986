-- A text key from natural key columns; NULL when one of them is NULL.
{% macro surrogate_key(columns) -%}
    case
        when
        {%- for column in columns %}
            {{ column }} is not null{{ ' and' if not loop.last }}
        {%- endfor %}
        then {{ dbt.hash(roster_platform.concat_columns(columns)) }}
    end
{%- endmacro %}

{% macro concat_columns(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- if not loop.first -%}{%- do parts.append("'|'") -%}{%- endif -%}
        {%- do parts.append('cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')') -%}
    {%- endfor -%}
    {{ return(dbt.concat(parts)) }}
{%- endmacro %}
