-- The body of a CTE: the rows of another that the model's table does not hold yet as they
-- are. What arrives late may change an old row, so all are derived; few are written.
{% macro changed_rows(derived) -%}
    {%- set columns = model.columns.keys() | join(',\n        ') -%}
    {%- set held = [] -%}
    {%- if builds_on_itself() -%}
        {%- for column in get_column_schema_from_query('select * from ' ~ this) -%}
            {%- do held.append(column.name | lower) -%}
        {%- endfor -%}
    {%- endif -%}
    select
        {{ columns }}
    from {{ derived }}
    {%- if held and not model.columns.keys() | reject('in', held) | list %}
    {{ dbt.except() }}
    select
        {{ columns }}
    from {{ this }}
    {%- endif %}
{%- endmacro %}
