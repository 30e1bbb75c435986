-- When a period of a page ended: a row that vanished is closed at the snapshot, but was
-- missed at the page's own last read before that.
{% macro page_period_end(history, page_loads) -%}
    (
        select max({{ page_loads }}.observed_at)
        from {{ page_loads }}
        where
            {{ page_loads }}.page_id = {{ history }}.page_id
            and {{ page_loads }}.observed_at <= {{ history }}.dbt_valid_to
    )
{%- endmacro %}
