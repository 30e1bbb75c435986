{#-
    A table that is replaced only when its content came out differently: a build of an
    unchanged warehouse computes it, and leaves it as it is. Rows are told apart by
    content, so every model needs a key (tests see to it).
-#}
{% materialization compared_table, default %}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none or not existing.is_table or should_full_refresh()
        or not same_columns(existing, sql) or not same_rows(existing, sql) -%}
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

{% macro same_columns(relation, sql) -%}
    {{ return(adapter.dispatch('same_columns', 'roster_platform')(relation, sql)) }}
{%- endmacro %}

{#- Most databases call one type by other names in a query than in a table. -#}
{% macro default__same_columns(relation, sql) -%}
    {{ return(
        column_traits(adapter.get_columns_in_relation(relation), false)
        == column_traits(get_column_schema_from_query(sql), false)
    ) }}
{%- endmacro %}

{% macro duckdb__same_columns(relation, sql) -%}
    {{ return(
        column_traits(adapter.get_columns_in_relation(relation), true)
        == column_traits(get_column_schema_from_query(sql), true)
    ) }}
{%- endmacro %}

{% macro column_traits(columns, with_types) -%}
    {%- set traits = [] -%}
    {%- for column in columns -%}
        {%- do traits.append((column.name | lower, column.data_type | lower if with_types)) -%}
    {%- endfor -%}
    {{ return(traits | sort) }}
{%- endmacro %}

{% macro same_rows(relation, sql) -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
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
