-- Before the first node of a run: looks up the raw tables that exist, in one thread. dbt
-- looks up a schema of sources when a node first asks, table by table. Another thread that
-- asks meanwhile learns of some only, and a staging view of the others would be empty.
{% macro look_up_sources() -%}
    {%- if execute and flags.WHICH in ['build', 'run', 'test'] -%}
        {%- for source in graph.sources.values() -%}
            {%- do load_relation(api.Relation.create(
                database=source.database, schema=source.schema, identifier=source.identifier
            )) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
