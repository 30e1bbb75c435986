-- A generic test: a staging model has every row of its source, deleted ones apart where it
-- leaves them out. A source that was never loaded has none.
{% test rows_of_source(model, source_name, table_name, without_deleted=false) %}
    {%- set present = columns_of(source_name, table_name) if execute else [] -%}
    with raw as (
        {%- if present %}
        select count(*) as row_count from {{ source(source_name, table_name) }}
        {%- if without_deleted and 'is_deleted' in present %}
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
