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

-- Several columns as one text, from which each can be read again: what is in them is
-- escaped where it looks like the separator.
{% macro concat_columns(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- set text = 'cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' -%}
        {%- if columns | length > 1 -%}
            {%- set text = "replace(replace(" ~ text ~ ", '!', '!0'), '|', '!1')" -%}
        {%- endif -%}
        {%- if not loop.first -%}{%- do parts.append("'|'") -%}{%- endif -%}
        {%- do parts.append(text) -%}
    {%- endfor -%}
    {{ return(dbt.concat(parts)) }}
{%- endmacro %}
