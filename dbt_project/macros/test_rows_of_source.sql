-- A generic test: a staging model has every row of its source, deleted ones apart where it
-- leaves them out. A source that was never loaded has none.
{% test rows_of_source(model, source_name, table_name, without_deleted=false) %}
    {%- set loaded = load_relation(source(source_name, table_name)) -%}
    with raw as (
        {%- if loaded %}
        select count(*) as row_count from {{ loaded }}
        {%- if without_deleted and 'is_deleted' in adapter.get_columns_in_relation(loaded) | map(attribute='name') | map('lower') %}
        where not coalesce(is_deleted, false)
        {%- endif %}
        {%- else %}
        select 0 as row_count
        {%- endif %}
    ),

    staged as (
        select count(*) as row_count from {{ model }}
    )

    select
        raw.row_count as raw_row_count,
        staged.row_count as staged_row_count
    from raw
    cross join staged
    where raw.row_count <> staged.row_count
{% endtest %}
