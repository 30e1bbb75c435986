{#-
    A table that is replaced only when its content came out differently: a build of an
    unchanged warehouse computes it, and leaves it as it is. Rows are told apart by
    content, so every model needs a key (tests see to it).
-#}
{% materialization compared_table, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or not existing.is_table or should_full_refresh()
        or not same_content(existing, sql) -%}
        {%- set build = context.get(
            'materialization_table_' ~ adapter.type(), context['materialization_table_default']
        ) -%}
        {{ return(build()) }}
    {%- endif -%}
    {#- What a build left that was killed while it replaced the table. -#}
    {%- for left in (make_intermediate_relation(this), make_backup_relation(this, 'table')) -%}
        {%- do drop_relation_if_exists(load_cached_relation(left)) -%}
    {%- endfor -%}
    {% call noop_statement('main', 'UNCHANGED', 'UNCHANGED', 0) -%}
        {{ sql }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {{ adapter.commit() }}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{% macro same_content(relation, sql) -%}
    {#- Most databases call types by other names in a query than in a table. -#}
    {%- set with_types = target.type == 'duckdb' -%}
    {#- It also begins the transaction in which the table is replaced, or left. -#}
    {%- set held = adapter.get_columns_in_relation(relation) -%}
    {{ return(
        column_traits(held, with_types)
        == column_traits(get_column_schema_from_query(sql), with_types)
        and same_rows(relation, held, sql)
    ) }}
{%- endmacro %}

{% macro column_traits(columns, with_types) -%}
    {%- set traits = [] -%}
    {%- for column in columns -%}
        {%- do traits.append((column.name | lower, column.data_type | lower if with_types)) -%}
    {%- endfor -%}
    {{ return(traits | sort) }}
{%- endmacro %}

{% macro same_rows(relation, held, sql) -%}
    {%- set columns = [] -%}
    {%- for column in held -%}
        {%- do columns.append(adapter.quote(column.name)) -%}
    {%- endfor -%}
    {%- set columns = columns | join(', ') -%}
    {%- set comparison -%}
        with derived as (
            {{ sql }}
        ),

        different as (
            select {{ columns }} from derived
            {{ dbt.except() }}
            select {{ columns }} from {{ relation }}
        )

        select
            (select count(*) from derived) - (select count(*) from {{ relation }}) as more_rows,
            (select count(*) from different) as different_rows
    {%- endset -%}
    {%- set found = run_query(comparison).rows[0] -%}
    {{ return(found[0] == 0 and found[1] == 0) }}
{%- endmacro %}
