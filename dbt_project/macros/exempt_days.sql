{#-
    The body of a CTE: of each of some spans of a member on a page, the days on leave.
    ``leaves`` and ``dates`` are CTEs of their facts; days on which two leaves lie count once.
-#}
{% macro exempt_days(spans, keys, first_day, last_day) -%}
    select
        {%- for key in keys %}
            {{ spans }}.{{ key }},
        {%- endfor %}
        count(distinct dates.date_day) as exempt_day_count
    from {{ spans }}
    inner join leaves
        on
            {{ spans }}.member_key = leaves.member_key
            and {{ spans }}.page_key = coalesce(leaves.page_key, {{ spans }}.page_key)
    inner join dates
        on
            {{ first_day }} <= dates.date_day
            and dates.date_day <= {{ last_day }}
            and leaves.first_day <= dates.date_day
            and dates.date_day <= coalesce(leaves.last_day, dates.date_day)
    group by
        {%- for key in keys %}
            {{ spans }}.{{ key }}
            {{- ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
