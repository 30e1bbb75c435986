"""Campaigns, posts and applications."""

from __future__ import annotations

from collections.abc import Mapping

QUESTIONS: Mapping[str, str] = {
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
        where
            ($program_key is null or program_key = $program_key)
            and ($since is null or start_date >= $since)
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
            where
                $since is null
                or month_start_day >= date_trunc('month', cast($since as date))
        ) on appeared, applied, joined, sold into name step value contacts
        order by month
    """,
}
