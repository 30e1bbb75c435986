"""Headcount, movement, hours and certifications of roster pages."""

from __future__ import annotations

from collections.abc import Mapping

from roster_platform.dashboard.queries.fragments import PAGE, SINCE, total

_LARGEST = """page_key in (
            select page_key from marts.dim_roster_pages
            where not is_retired and not is_placeholder
            order by page_member_count desc, page_id limit 12
        )"""

QUESTIONS: Mapping[str, str] = {
    "page_totals": f"""
        select
            coalesce(sum(headcount), 0) as headcount,
            sum(command_count) / nullif(sum(headcount), 0) as command_ratio,
            count(*) filter (where is_stale) as stale_pages
        from marts.rpt_page_daily
        where {PAGE} and date_day = (select max(date_day) from marts.rpt_page_daily)
    """,
    "movement_totals": f"""
        select
            {total("joined_count")} as joined,
            {total("left_count")} as left_pages,
            {total("promoted_count")} as promoted,
            {total("hours_gained")} as hours
        from marts.rpt_page_daily where {PAGE} and {SINCE}
    """,
    "headcount_by_rank": f"""
        select
            headcounts.date_day as day,
            ranks.rank_name as rank,
            min(ranks.seniority_order) as seniority,
            cast(sum(headcounts.headcount) as bigint) as members
        from marts.rpt_rank_headcount_daily as headcounts
        inner join marts.dim_ranks as ranks using (rank_key)
        where
            ($page_key is null or headcounts.page_key = $page_key) and {SINCE}
        group by day, rank order by day
    """,
    "movement": f"""
        unpivot (
            select
                date_day as day,
                cast(sum(joined_count) as bigint) as joined,
                cast(sum(transferred_in_count) as bigint) as "moved in",
                -cast(sum(left_count) as bigint) as "left",
                -cast(sum(transferred_out_count) as bigint) as "moved out"
            from marts.rpt_page_daily where {PAGE} and {SINCE} group by day
        ) on joined, "moved in", "left", "moved out" into name movement value members
        order by day
    """,
    "activity": f"""
        select
            coalesce(pages.page_title, pages.page_id) as page,
            activity_status as status,
            count(*) as members
        from marts.rpt_activity_status
        inner join marts.dim_roster_pages as pages using (page_key)
        where {PAGE} and ($page_key is not null or {_LARGEST})
        group by page, status order by page
    """,
    "activity_worst": """
        select
            member_key,
            coalesce(members.full_name, members.source_id) as member,
            ranks.rank_name as rank,
            activity.hours_30_days as hours,
            activity.hours_trend as trend,
            activity.activity_status as status
        from marts.rpt_activity_status as activity
        inner join marts.dim_members as members using (member_key)
        left join marts.dim_ranks as ranks using (rank_key)
        where
            ($page_key is null or activity.page_key = $page_key)
            and activity.activity_status in ('Critical', 'Warning', 'At Risk')
        order by activity.required_share, member limit 10
    """,
    "officers": f"""
        select
            promotion_officer as officer,
            cast(sum(promotion_count) as bigint) as promotions,
            cast(sum(demotion_count) as bigint) as demotions
        from marts.rpt_promotions_by_officer
        where
            {PAGE}
            and (
                $since is null
                or month_start_day >= date_trunc('month', cast($since as date))
            )
        group by officer
        order by promotions desc, demotions desc, officer limit 10
    """,
    "time_in_rank": """
        select
            ranks.rank_name as rank,
            min(ranks.seniority_order) as seniority,
            sum(times.average_days * times.known_count) / sum(times.known_count)
                as days
        from marts.rpt_time_in_rank as times
        inner join marts.dim_ranks as ranks using (rank_key)
        where
            ($page_key is null or times.page_key = $page_key) and times.known_count > 0
        group by rank order by seniority, rank limit 14
    """,
    "qualifications": f"""
        select
            coalesce(pages.page_title, pages.page_id) as page,
            qualification_kind as kind,
            qualification_name as name,
            avg(case when is_held then 1.0 else 0.0 end) as share
        from marts.rpt_member_qualifications
        inner join marts.dim_roster_pages as pages using (page_key)
        where {PAGE} and ($page_key is not null or {_LARGEST})
        group by page, kind, name order by page
    """,
    "qualifications_of_members": """
        select
            coalesce(members.full_name, members.source_id) as member,
            qualification_name as name,
            is_held
        from marts.rpt_member_qualifications
        inner join marts.dim_members as members using (member_key)
        where page_key = $page_key and qualification_kind = 'certification'
        order by member
    """,
}
