"""What can be chosen, how fresh the data is, and what is incomplete."""

from __future__ import annotations

from collections.abc import Mapping

QUESTIONS: Mapping[str, str] = {
    "most_used_currency": """
        select (
            select order_currency from marts.fct_orders
            where order_currency is not null
            group by order_currency order by count(*) desc, order_currency limit 1
        ) as currency
    """,
    "currencies": """
        select order_currency as currency from marts.fct_orders
        where order_currency is not null
        group by currency order by count(*) desc, currency
    """,
    "programs": """
        select program_key, coalesce(program_name, program_id) as program_name
        from marts.dim_programs where not is_placeholder order by program_name
    """,
    "pages": """
        select page_key, coalesce(page_title, page_id) as page_title
        from marts.dim_roster_pages
        where not is_retired and not is_placeholder order by page_title
    """,
    "systems_read": """
        select distinct source_system as source from marts.rpt_data_freshness
        where last_read_at is not null
    """,
    "freshness": """
        select
            source_system as source,
            subject,
            row_count as "rows",
            strftime(last_read_at, '%Y-%m-%d %H:%M') as last_read,
            case when is_complete then 'yes' when not is_complete then 'no' end
                as complete
        from marts.rpt_data_freshness order by source_system, subject
    """,
    "incomplete": """
        select
            coalesce(page_title, input_part) as part,
            input_name as name,
            affected,
            reason,
            strftime(last_tried_at, '%Y-%m-%d %H:%M') as last_try,
            strftime(known_until, '%Y-%m-%d %H:%M') as known_until
        from marts.rpt_incomplete_inputs
        order by source_system desc, input_name, part
    """,
}
