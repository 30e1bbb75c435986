-- The body of a CTE: when closed periods of a snapshot really ended. A row that vanished
-- is closed at the snapshot; it was missed when its page was first read with the content
-- that lacks it.
{% macro period_ends(history, page_reads) -%}
    select
        {{ history }}.dbt_scd_id,
        max({{ page_reads }}.content_since) as valid_to
    from {{ history }}
    inner join {{ page_reads }}
        on
            {{ history }}.page_id = {{ page_reads }}.page_id
            and {{ history }}.dbt_valid_to >= {{ page_reads }}.observed_at
            and {{ history }}.dbt_valid_from < {{ page_reads }}.content_since
    group by {{ history }}.dbt_scd_id
{%- endmacro %}
