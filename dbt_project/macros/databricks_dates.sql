-- dbt's own ask the server for its version first, which cannot be done without one. Days
-- are counted by their midnights, as everywhere else.
{% macro databricks__datediff(first_date, second_date, datepart) -%}
    {%- if datepart != 'day' -%}
        {{ exceptions.raise_compiler_error("Only days are counted on Databricks.") }}
    {%- endif -%}
    datediff(cast({{ second_date }} as date), cast({{ first_date }} as date))
{%- endmacro %}

{% macro databricks__dateadd(datepart, interval, from_date_or_timestamp) -%}
    dateadd({{ datepart }}, {{ interval }}, {{ from_date_or_timestamp }})
{%- endmacro %}
