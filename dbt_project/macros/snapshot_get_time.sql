-- The time of a snapshot is when the API was last read, not when dbt runs: rows that
-- vanished are closed at the read that missed them, and a rerun changes nothing.
{% macro default__snapshot_get_time() -%}
    {%- set loads = api.Relation.create(
        database=target.database, schema='autorosters_data', identifier='page_loads'
    ) -%}
    {%- if not flags.INTROSPECT or load_relation(loads) -%}
        (select max(observed_at) from {{ loads }})
    {%- else -%}
        {{ current_timestamp() }}
    {%- endif -%}
{%- endmacro %}
