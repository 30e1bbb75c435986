"""Orders, revenue, commission and members of ambassador programs."""

from __future__ import annotations

from collections.abc import Mapping

from roster_platform.dashboard.queries.fragments import CURRENCY, PROGRAM, SINCE, total

_REFERRAL = total("link_revenue", "code_revenue", "recurring_revenue")

QUESTIONS: Mapping[str, str] = {
    "program_totals": f"""
        select
            {_REFERRAL} as referral_revenue,
            {total("personal_revenue")} as personal_revenue,
            {total("order_count")} as orders,
            sum(gross_amount) / nullif(sum(valued_order_count), 0) as average_order,
            {total("commission_amount")} as commission,
            {total("unknown_order_count")} as unknown_orders,
            {total("unknown_amount_order_count")} as unknown_amounts,
            {total("unknown_commission_order_count")} as unknown_commissions,
            (
                select count(*) > 0 from marts.rpt_incomplete_inputs
                where input_name = 'orders' and input_part is null
            ) as lacks_orders
        from marts.rpt_program_daily
        where {CURRENCY} and {PROGRAM} and {SINCE}
    """,
    "active_members": f"""
        select
            case when count(*) > 0 then sum(active_member_count) else (
                select case when count(*) = 0 then 0 end
                from marts.rpt_incomplete_inputs where input_name = 'events'
            ) end as members
        from marts.rpt_program_members_daily
        where {PROGRAM} and date_day = (
            select max(date_day) from marts.rpt_program_members_daily
        )
    """,
    "clicks": """
        select
            sum(click_count) as clicks,
            sum(comparable_order_count) as link_orders
        from marts.rpt_click_conversion_monthly
        inner join marts.dim_members as members using (member_key)
        where
            ($program_key is null or members.current_program_key = $program_key)
            and (
                $since is null
                or month_start_day >= date_trunc('month', cast($since as date))
            )
    """,
    "revenue_by_week": f"""
        unpivot (
            select
                cast(date_trunc('week', date_day) as date) as week,
                cast(sum(link_revenue) as double) as link,
                cast(sum(code_revenue) as double) as code,
                cast(sum(recurring_revenue) as double) as recurring,
                cast(sum(personal_revenue) as double) as personal
            from marts.rpt_program_daily
            where {CURRENCY} and {PROGRAM} and {SINCE}
            group by week
        ) on link, code, recurring, personal into name attribution value revenue
        order by week
    """,
    "orders_by_attribution": f"""
        unpivot (
            select
                sum(link_order_count) as link,
                sum(code_order_count) as code,
                sum(recurring_order_count) as recurring,
                sum(personal_order_count) as personal,
                sum(
                    order_count - coalesce(link_order_count, 0)
                    - coalesce(code_order_count, 0)
                    - coalesce(recurring_order_count, 0)
                    - coalesce(personal_order_count, 0) - unknown_order_count
                ) as "none",
                sum(unknown_order_count) as "not known"
            from marts.rpt_program_daily
            where {PROGRAM} and {SINCE}
        ) on link, code, recurring, personal, "none", "not known"
        into name attribution value orders
    """,
    "programs_compared": f"""
        select
            coalesce(programs.program_name, programs.program_id) as program,
            cast(sum(daily.order_count) as bigint) as orders,
            {_REFERRAL} as referral_revenue,
            {total("daily.commission_amount")} as commission,
            max(roi.roi_30_days) as roi,
            max(roi.roi_previous_30_days) as roi_before
        from marts.rpt_program_daily as daily
        inner join marts.dim_programs as programs using (program_key)
        left join marts.rpt_program_roi as roi
            on
                daily.program_key = roi.program_key
                and daily.currency is not distinct from roi.currency
        where
            daily.currency is not distinct from $currency
            and not programs.is_placeholder
            and ($program_key is null or daily.program_key = $program_key)
            and {SINCE}
        group by program order by referral_revenue desc nulls last
    """,
    "top_members": f"""
        select
            member_key,
            coalesce(members.full_name, members.source_id) as member,
            count(*) as orders,
            sum(net_amount) as revenue
        from marts.fct_orders
        inner join marts.dim_members as members using (member_key)
        where
            attribution_type = 'referred' and order_{CURRENCY} and {PROGRAM} and {SINCE}
        group by member_key, member
        order by revenue desc nulls last, orders desc, member limit 10
    """,
    "members_over_time": f"""
        select
            date_day as day,
            coalesce(programs.program_name, programs.program_id) as program,
            active_member_count as members
        from marts.rpt_program_members_daily
        inner join marts.dim_programs as programs using (program_key)
        where {PROGRAM} and {SINCE} order by day
    """,
}
