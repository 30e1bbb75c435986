"""What the dashboard asks of the published file: plain SQL over the marts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

Rows = list[dict[str, Any]]


class NothingPublishedError(Exception):
    """There is no published file yet, or it holds nothing; the text says what to run."""


@dataclass(frozen=True)
class Filters:
    """What is shown: one program or page, or all; one currency; from a day on."""

    currency: str | None = None
    program_key: str | None = None
    page_key: str | None = None
    since: date | None = None


class Published:
    """The published file, read anew for every question, so never in anybody's way."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / "roster.duckdb"
        self._manifest = folder / "manifest.json"

    def ask(self, question: str, filters: Filters | None = None) -> Rows:
        """The answer to one of QUESTIONS. Raises NothingPublishedError."""
        if not self._database.exists():
            raise NothingPublishedError(
                f"{self._database} is not there yet. Materialize the asset "
                "published/marts (or run `make demo`), then open this page again."
            )
        asked = {
            name: value
            for name, value in asdict(filters or Filters()).items()
            if f"${name}" in QUESTIONS[question]
        }
        with duckdb.connect(str(self._database), read_only=True) as database:
            database.execute("set TimeZone = 'UTC'")
            result = database.execute(QUESTIONS[question], asked)
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def published_at(self) -> str:
        """When the file was published (UTC), as its manifest says."""
        return str(json.loads(self._manifest.read_text())["published_at"])[:16]

    def default_filters(self, days: int = 90) -> Filters:
        """Every program and page, the most used currency, the last days known."""
        ((last_day, currency),) = [tuple(row.values()) for row in self.ask("scope")]
        if last_day is None:
            raise NothingPublishedError(
                "The published marts are empty. Load data first: materialize the groups "
                "roster and autorosters (or run `make demo`)."
            )
        return Filters(currency=currency, since=last_day - timedelta(days=days))


_PROGRAM = "($program_key is null or program_key = $program_key)"
_PAGE = "($page_key is null or page_key = $page_key)"
_SINCE = "($since is null or date_day >= $since)"
_LARGEST = """page_key in (
            select page_key from marts.dim_roster_pages
            where not is_retired order by member_count desc, page_id limit 12
        )"""
_REFERRAL = "link_revenue + code_revenue + recurring_revenue"

QUESTIONS: Mapping[str, str] = {
    "scope": """
        select
            cast(max(last_read_at) as date) as last_day,
            (
                select currency from marts.fct_orders
                where currency is not null
                group by currency order by count(*) desc, currency limit 1
            ) as currency
        from marts.rpt_data_freshness
    """,
    "currencies": """
        select currency from marts.fct_orders
        where currency is not null group by currency order by count(*) desc, currency
    """,
    "programs": """
        select program_key, coalesce(program_name, program_id) as program_name
        from marts.dim_programs order by program_name
    """,
    "pages": """
        select page_key, coalesce(page_title, page_id) as page_title
        from marts.dim_roster_pages where not is_retired order by page_title
    """,
    "program_totals": f"""
        select
            coalesce(sum({_REFERRAL}), 0) as referral_revenue,
            coalesce(sum(personal_revenue), 0) as personal_revenue,
            coalesce(sum(order_count), 0) as orders,
            coalesce(sum(total_revenue), 0) / nullif(sum(order_count), 0)
                as average_order,
            coalesce(sum(commission_amount), 0) as commission
        from marts.rpt_program_daily
        where currency = $currency and {_PROGRAM} and {_SINCE}
    """,
    "active_members": f"""
        select coalesce(sum(active_member_count), 0) as members
        from marts.rpt_program_members_daily
        where {_PROGRAM} and date_day = (
            select max(date_day) from marts.rpt_program_members_daily
        )
    """,
    "clicks": """
        select
            coalesce(sum(click_count), 0) as clicks,
            coalesce(sum(link_order_count), 0) as link_orders
        from marts.rpt_click_conversion_monthly
        where $since is null or month_start_day >= date_trunc('month', cast($since as date))
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
            where currency = $currency and {_PROGRAM} and {_SINCE}
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
                    order_count - link_order_count - code_order_count
                    - recurring_order_count - personal_order_count
                ) as "none"
            from marts.rpt_program_daily
            where {_PROGRAM} and {_SINCE}
        ) on link, code, recurring, personal, "none" into name attribution value orders
    """,
    "programs_compared": f"""
        select
            coalesce(programs.program_name, programs.program_id) as program,
            cast(sum(daily.order_count) as bigint) as orders,
            sum({_REFERRAL}) as referral_revenue,
            sum(daily.commission_amount) as commission,
            max(roi.roi_30_days) as roi,
            max(roi.roi_previous_30_days) as roi_before
        from marts.rpt_program_daily as daily
        inner join marts.dim_programs as programs using (program_key)
        left join marts.rpt_program_roi as roi
            on daily.program_key = roi.program_key and daily.currency = roi.currency
        where
            daily.currency = $currency
            and ($program_key is null or daily.program_key = $program_key)
            and {_SINCE}
        group by program order by referral_revenue desc
    """,
    "top_members": """
        select
            coalesce(members.full_name, members.source_id) as member,
            performance.referred_order_count as orders,
            performance.referral_revenue as revenue,
            performance.referral_revenue_30_days as last_30_days
        from marts.rpt_member_performance as performance
        inner join marts.dim_members as members using (member_key)
        where
            performance.currency = $currency
            and ($program_key is null or members.current_program_key = $program_key)
        order by performance.revenue_rank limit 10
    """,
    "members_over_time": f"""
        select
            date_day as day,
            coalesce(programs.program_name, programs.program_id) as program,
            active_member_count as members
        from marts.rpt_program_members_daily
        inner join marts.dim_programs as programs using (program_key)
        where {_PROGRAM} and {_SINCE} order by day
    """,
    "campaign_funnel": """
        unpivot (
            select
                sum(added_count) as added,
                sum(sent_count) as sent,
                sum(opened_count) as opened,
                sum(joined_count) as joined,
                sum(completed_count) as completed
            from marts.rpt_campaign_funnel
            where
                ($program_key is null or program_key = $program_key)
                and ($since is null or start_date >= $since)
        ) on added, sent, opened, joined, completed into name step value members
    """,
    "campaigns": """
        select
            campaign_name as campaign,
            campaign_status as status,
            added_count as added,
            joined_count as joined,
            completed_count as completed,
            participation_rate,
            completion_rate
        from marts.rpt_campaign_funnel
        where $program_key is null or program_key = $program_key
        order by start_date desc, campaign_name limit 8
    """,
    "engagement": """
        select
            engagement.month_start_day as month,
            coalesce(channels.channel_name, channels.channel_id) as channel,
            engagement.engagement_rate as rate
        from marts.rpt_engagement_monthly as engagement
        inner join marts.dim_channels as channels using (channel_key)
        where $since is null or month_start_day >= date_trunc('month', cast($since as date))
        order by month
    """,
    "applications": """
        unpivot (
            select
                month_start_day as month,
                contact_count as appeared,
                application_count as applied,
                accepted_count as joined,
                activated_count as sold
            from marts.rpt_application_funnel_monthly
            order by month_start_day desc limit 12
        ) on appeared, applied, joined, sold into name step value contacts
        order by month
    """,
    "page_totals": f"""
        select
            coalesce(sum(headcount), 0) as headcount,
            sum(command_count) / nullif(sum(headcount), 0) as command_ratio
        from marts.rpt_page_daily
        where {_PAGE} and date_day = (select max(date_day) from marts.rpt_page_daily)
    """,
    "movement_totals": f"""
        select
            coalesce(sum(joined_count), 0) as joined,
            coalesce(sum(left_count), 0) as left_pages,
            coalesce(sum(promoted_count), 0) as promoted,
            coalesce(sum(hours_gained), 0) as hours
        from marts.rpt_page_daily where {_PAGE} and {_SINCE}
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
            ($page_key is null or headcounts.page_key = $page_key) and {_SINCE}
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
            from marts.rpt_page_daily where {_PAGE} and {_SINCE} group by day
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
        where {_PAGE} and ($page_key is not null or {_LARGEST})
        group by page, status order by page
    """,
    "activity_worst": """
        select
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
        where {_PAGE} group by officer
        order by promotions desc, demotions desc, officer limit 10
    """,
    "time_in_rank": """
        select
            ranks.rank_name as rank,
            min(ranks.seniority_order) as seniority,
            sum(times.average_days * times.member_count) / sum(times.member_count)
                as days
        from marts.rpt_time_in_rank as times
        inner join marts.dim_ranks as ranks using (rank_key)
        where ($page_key is null or times.page_key = $page_key)
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
        where {_PAGE} and ($page_key is not null or {_LARGEST})
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
    "freshness": """
        select
            source_system as source,
            subject,
            row_count as "rows",
            strftime(last_read_at, '%Y-%m-%d %H:%M') as last_read
        from marts.rpt_data_freshness order by source_system, subject
    """,
}
