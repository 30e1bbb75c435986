-- A post-hook: tells Dagster the rows of a table, and dagster-dbt the columns of a model. They
-- are the described ones, so the warehouse is not asked.
-- https://docs.dagster.io/integrations/libraries/dbt/reference
{% macro report_to_dagster() -%}
    {%- if execute and env_var('DAGSTER_DBT_CLI', '') == 'true' -%}
        {%- do log(tojson({'columns': described_columns(model)}), info=true) -%}
        {%- if model.config.materialized != 'view' -%}
            {%- set counted = run_query('select count(*) from ' ~ this) -%}
            {%- do log(counted.columns[0][0] ~ ' rows in ' ~ this, info=true) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro described_columns(node) -%}
    {%- set columns = {} -%}
    {%- for name, column in node.columns.items() -%}
        {%- do columns.update({name: {'data_type': column.data_type or 'text'}}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
