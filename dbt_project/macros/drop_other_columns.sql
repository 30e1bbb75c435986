{#-
    The pre-hook of an incremental model: what the table has and the contract no longer
    does, under an earlier name, say, is dropped. Contracts allow dbt itself to add columns
    only.
-#}
{% macro drop_other_columns() -%}
    {%- if builds_on_itself() -%}
        {%- set others = [] -%}
        {%- set held = load_cached_relation(this) -%}
        {%- for column in adapter.get_columns_in_relation(held) -%}
            {%- if column.name | lower not in model.columns -%}
                {%- do others.append(column) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if others -%}
            {%- do alter_relation_add_remove_columns(held, [], others) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
