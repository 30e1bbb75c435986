"""One member, or one roster page: who or what it is, and all that is known of it.

Parameters are ``$member_key`` or ``$page_key``. A person who is known in both systems is
one: what is asked about a member holds for every member of that person.
"""

from __future__ import annotations

from collections.abc import Mapping

_SAME_PERSON = """member_key in (
            select same.member_key
            from marts.dim_members as chosen
            inner join marts.dim_members as same using (person_key)
            where chosen.member_key = $member_key
        )"""
_PAGE_NAME = "coalesce(pages.page_title, pages.page_id)"

QUESTIONS: Mapping[str, str] = {
    "find_members": """
        select
            member_key,
            coalesce(full_name, source_id) as member,
            source_system as source,
            source_id
        from marts.dim_members
        where
            not is_placeholder
            and (
                $search = '' or member_key = $search
                or contains(
                    lower(concat_ws(
                        ' ', full_name, source_id, discord_handle, social_handle, email
                    )),
                    lower($search)
                )
            )
        order by member_key <> $search, lower(full_name) nulls last, source_id
        limit 200
    """,
    "member": f"""
        select
            coalesce(members.full_name, members.source_id) as member,
            members.source_system as source,
            members.source_id,
            members.discord_handle,
            members.social_handle,
            members.email,
            members.contact_stage as stage,
            coalesce(programs.program_name, programs.program_id) as program,
            members.current_page_count as pages,
            members.person_match_reason as matched_by,
            members.first_seen_at,
            members.is_active
        from marts.dim_members as members
        left join marts.dim_programs as programs
            on
                members.current_program_key = programs.program_key
                and not programs.is_placeholder
        where members.{_SAME_PERSON}
        order by members.member_key <> $member_key, source, members.source_id
    """,
    "member_pages": f"""
        select
            pages.page_key,
            {_PAGE_NAME} as page,
            ranks.rank_name as rank,
            status.hours_30_days as hours,
            status.required_hours as required,
            status.activity_status as status
        from marts.rpt_activity_status as status
        inner join marts.dim_roster_pages as pages using (page_key)
        left join marts.dim_ranks as ranks using (rank_key)
        where {_SAME_PERSON} order by page
    """,
    "member_history": f"""
        select
            strftime(changed_at, '%Y-%m-%d %H:%M') as happened_at,
            replace(change_type, '_', ' ') as what,
            concat_ws(', ', qualification, ranks.rank_name, {_PAGE_NAME}) as detail
        from marts.fct_roster_changes as changes
        left join marts.dim_roster_pages as pages on changes.page_key = pages.page_key
        left join marts.dim_ranks as ranks
            on changes.rank_key = ranks.rank_key and not ranks.is_placeholder
        where {_SAME_PERSON}
        union all
        select
            strftime(occurred_at, '%Y-%m-%d %H:%M'),
            replace(event_type, '.', ' '),
            concat_ws(', ', new_contact_stage, programs.program_name, order_id)
        from marts.fct_events as events
        left join marts.dim_programs as programs
            on
                events.program_key = programs.program_key
                and not programs.is_placeholder
        where {_SAME_PERSON}
        order by happened_at desc, what limit 200
    """,
    "member_order_totals": f"""
        select
            order_currency as currency,
            count(*) as orders,
            sum(net_amount) filter (attribution_type = 'referred') as revenue,
            count(*) filter (net_amount is null) as unknown_amounts
        from marts.fct_orders where {_SAME_PERSON} group by currency order by currency
    """,
    "member_orders": f"""
        select
            strftime(ordered_at, '%Y-%m-%d %H:%M') as happened_at,
            coalesce(order_number, order_id) as order_number,
            order_status as status,
            attribution_method as attribution,
            net_amount as amount,
            order_currency as currency,
            commission_amount as commission,
            commission_currency
        from marts.fct_orders where {_SAME_PERSON}
        order by ordered_at desc nulls last, order_number limit 100
    """,
    "member_hours": f"""
        select
            month_start_day as month,
            {_PAGE_NAME} as page,
            hours_gained as hours,
            required_hours as required,
            case when is_met then 'yes' when not is_met then 'no' end as is_met
        from marts.rpt_patrol_hours_monthly
        inner join marts.dim_roster_pages as pages using (page_key)
        where {_SAME_PERSON} order by month desc, page limit 60
    """,
    "member_ranks": f"""
        select
            ranks.rank_name as rank,
            {_PAGE_NAME} as page,
            cast(assignments.held_since as varchar) as since,
            case when assignments.is_current then 'now' else
                strftime(assignments.valid_to, '%Y-%m-%d') end as until,
            assignments.promotion_officer as officer
        from marts.fct_rank_assignments as assignments
        inner join marts.dim_ranks as ranks using (rank_key)
        left join marts.dim_roster_pages as pages
            on assignments.page_key = pages.page_key
        where {_SAME_PERSON} order by assignments.valid_from desc, rank limit 60
    """,
    "member_certifications": f"""
        select
            dim_certifications.certification_name as name,
            {_PAGE_NAME} as page,
            strftime(valid_from, '%Y-%m-%d') as first_read,
            case when is_current then 'held' else
                'until ' || strftime(valid_to, '%Y-%m-%d') end as state
        from marts.fct_member_certifications as held
        inner join marts.dim_certifications using (certification_key)
        left join marts.dim_roster_pages as pages on held.page_key = pages.page_key
        where {_SAME_PERSON}
        union all
        select
            dim_subdivisions.subdivision_name || ' (subdivision)',
            {_PAGE_NAME},
            strftime(valid_from, '%Y-%m-%d'),
            case when is_current then 'member' else
                'until ' || strftime(valid_to, '%Y-%m-%d') end
        from marts.fct_member_subdivisions as held
        inner join marts.dim_subdivisions using (subdivision_key)
        left join marts.dim_roster_pages as pages on held.page_key = pages.page_key
        where {_SAME_PERSON}
        order by name, first_read limit 100
    """,
    "page": """
        select
            coalesce(page_title, page_id) as page,
            page_id,
            page_description as description,
            owner_discord_id,
            public_url,
            page_member_count as members,
            rank_count as ranks,
            page_first_read_at as first_read_at,
            page_last_read_at as last_read_at
        from marts.dim_roster_pages where page_key = $page_key
    """,
    "page_members": """
        select
            member_key,
            coalesce(members.full_name, members.source_id) as member,
            ranks.rank_name as rank,
            status.hours_30_days as hours,
            status.required_hours as required,
            status.activity_status as status
        from marts.rpt_activity_status as status
        inner join marts.dim_members as members using (member_key)
        left join marts.dim_ranks as ranks using (rank_key)
        where status.page_key = $page_key
        order by ranks.seniority_order nulls last, member limit 500
    """,
    "page_history": """
        select
            strftime(changed_at, '%Y-%m-%d %H:%M') as happened_at,
            member_key,
            coalesce(members.full_name, members.source_id) as member,
            replace(change_type, '_', ' ') as what,
            concat_ws(', ', qualification, ranks.rank_name) as detail,
            promotion_officer as officer
        from marts.fct_roster_changes as changes
        left join marts.dim_members as members using (member_key)
        left join marts.dim_ranks as ranks
            on changes.rank_key = ranks.rank_key and not ranks.is_placeholder
        where changes.page_key = $page_key or changes.from_page_key = $page_key
        order by changed_at desc, member limit 200
    """,
    "page_headcount": """
        select date_day as day, 'Members' as name, headcount as members
        from marts.rpt_page_daily where page_key = $page_key order by day
    """,
    "page_hours": """
        select
            month_start_day as month,
            sum(hours_gained) as hours,
            count(hours_gained) as known,
            count(*) as members,
            count(*) filter (is_met) as met
        from marts.rpt_patrol_hours_monthly where page_key = $page_key
        group by month order by month desc limit 24
    """,
}
