"""What the digest asks of the published marts, for a week and the week before.

Parameters are the Mondays ``$before``, ``$monday`` and ``$next``.
"""

PROGRAMS = """
    select
        program_key, program_id, coalesce(program_name, program_id) as name
    from marts.dim_programs
    where not coalesce(is_program_deleted, false) and not is_placeholder
    order by name, program_id
"""

_THIS = "date_day >= $monday and date_day < $next"
_BEFORE = "date_day >= $before and date_day < $monday"
_HAS_PROGRAM = "program_key not in ('unknown', 'none')"

MEMBERSHIP = f"""
    select
        programs.program_key,
        sum(joined_count) filter ({_THIS}) as joined,
        sum(joined_count) filter ({_BEFORE}) as joined_before,
        sum(left_count) filter ({_THIS}) as "left",
        sum(left_count) filter ({_BEFORE}) as left_before,
        max_by(active_member_count, date_day) filter ({_THIS}) as members,
        max_by(active_member_count, date_day) filter ({_BEFORE}) as members_before
    from marts.dim_programs as programs
    left join marts.rpt_program_members_daily as daily
        on programs.program_key = daily.program_key and daily.date_day < $next
    where not programs.is_placeholder
    group by programs.program_key
"""


def _both_weeks(**sums: str) -> str:
    """The columns of two weeks, from the expression of one."""
    return ", ".join(
        f"{expression.replace('WEEK', week)} as {name}{ending}"
        for name, expression in sums.items()
        for week, ending in ((_THIS, ""), (_BEFORE, "_before"))
    )


# A sum is 0 without orders, and NULL where none of the orders has the amount.
_REVENUE = """
    case when coalesce(sum(order_count) filter (WEEK), 0) = 0 then 0 else sum(
        coalesce(link_revenue, 0) + coalesce(code_revenue, 0)
        + coalesce(recurring_revenue, 0)
    ) filter (
        WEEK and coalesce(link_revenue, code_revenue, recurring_revenue) is not null
    ) end
"""
_COMMISSION = """
    case when coalesce(sum(order_count) filter (WEEK), 0) = 0 then
        coalesce(sum(commission_amount) filter (WEEK), 0)
    else sum(commission_amount) filter (WEEK) end
"""

ORDERS = f"""
    select
        program_key,
        currency,
        {
    _both_weeks(
        orders="coalesce(sum(order_count) filter (WEEK), 0)",
        revenue=_REVENUE,
        commission=_COMMISSION,
        unknown_orders="sum(unknown_order_count) filter (WEEK)",
        unknown_amounts="sum(unknown_amount_order_count) filter (WEEK)",
        unknown_commissions="sum(unknown_commission_order_count) filter (WEEK)",
    )
}
    from marts.rpt_program_daily
    where date_day >= $before and date_day < $next and {_HAS_PROGRAM}
    group by all order by currency
"""

PAID = f"""
    select
        program_key,
        event_currency as currency,
        {
    _both_weeks(
        amount="case when count(*) filter (WEEK) = 0 then 0 "
        "else sum(event_amount) filter (WEEK) end"
    )
}
    from marts.fct_events
    where
        event_type = 'reward.paid' and {_HAS_PROGRAM}
        and date_day >= $before and date_day < $next
    group by all order by currency
"""

_NAME = "coalesce(members.full_name, members.source_id)"

TOP_SELLERS = f"""
    select
        orders.program_key,
        orders.order_currency as currency,
        {_NAME} as name,
        sum(net_amount) as revenue
    from marts.fct_orders as orders
    inner join marts.dim_members as members using (member_key)
    where
        attribution_type = 'referred' and {_THIS} and orders.order_currency is not null
        and net_amount is not null and {_HAS_PROGRAM}
    group by orders.program_key, orders.order_currency, member_key, name
    qualify row_number() over (
        partition by orders.program_key, orders.order_currency order by revenue desc, name
    ) <= 3
    order by orders.order_currency, revenue desc, name
"""

_MOVEMENTS = {
    "joined": "joined_count",
    "left": "left_count",
    "moved in": "transferred_in_count",
    "moved out": "transferred_out_count",
    "promoted": "promoted_count",
    "demoted": "demoted_count",
    "hours": "hours_gained",
}


def _page_columns() -> str:
    return ",\n".join(
        f'sum({column}) filter ({week}) as "{name}{ending}"'
        for name, column in _MOVEMENTS.items()
        for week, ending in ((_THIS, ""), (_BEFORE, " before"))
    )


PAGE_WEEKS = f"""
    select
        pages.page_key,
        pages.page_id,
        coalesce(pages.page_title, pages.page_id) as name,
        cast(pages.page_last_read_at as date) as last_read,
        count(joined_count) filter ({_THIS}) as known_days,
        count(joined_count) filter ({_BEFORE}) as "known_days before",
        max_by(headcount, date_day) filter ({_THIS}) as members,
        max_by(headcount, date_day) filter ({_BEFORE}) as "members before",
        {_page_columns()}
    from marts.dim_roster_pages as pages
    left join marts.rpt_page_daily as daily
        on
            pages.page_key = daily.page_key
            and date_day >= $before and date_day < $next
    where not pages.is_retired and not pages.is_placeholder
    group by all order by name, pages.page_id
"""

PAGE_CHANGES = f"""
    select
        changes.page_key,
        changes.change_type as change,
        {_NAME} as name,
        coalesce(ranks.rank_name, from_ranks.rank_name) as rank
    from marts.fct_roster_changes as changes
    inner join marts.dim_members as members using (member_key)
    left join marts.dim_ranks as ranks
        on changes.rank_key = ranks.rank_key and not ranks.is_placeholder
    left join marts.dim_ranks as from_ranks
        on
            changes.from_rank_key = from_ranks.rank_key
            and not from_ranks.is_placeholder
    where
        changes.change_type in ('joined', 'left', 'promoted', 'demoted') and {_THIS}
    order by changes.changed_at, name
"""

MOST_HOURS = f"""
    select
        patrols.page_key,
        {_NAME} as name,
        sum(hours_gained) as hours
    from marts.fct_patrol_hours as patrols
    inner join marts.dim_members as members using (member_key)
    where {_THIS}
    group by patrols.page_key, member_key, name
    having hours > 0
    qualify row_number() over (
        partition by patrols.page_key order by hours desc, name
    ) <= 3
    order by hours desc, name
"""

# The rule of rpt_activity_status, as of the ends of two weeks: hours of 30 days against
# the requirement, in proportion to the days, up to 30, that are known and not on leave.
REQUIREMENTS = f"""
    with joined as (
        select page_key, member_key, max(date_day) as joined_day
        from marts.fct_roster_changes
        where change_type in ('joined', 'transferred')
        group by page_key, member_key
    ),
    ends as (
        select unnest([$next - 1, $monday - 1]) as last_day
    ),
    aged as (
        select
            status.page_key,
            status.member_key,
            ends.last_day,
            hours.hours_gained,
            ends.last_day - hours.date_day as age
        from marts.rpt_activity_status as status
        cross join ends
        inner join marts.fct_patrol_hours as hours
            on
                status.page_key = hours.page_key
                and status.member_key = hours.member_key
                and hours.date_day <= ends.last_day
        left join joined
            on
                status.page_key = joined.page_key
                and status.member_key = joined.member_key
        where joined.joined_day is null or hours.date_day >= joined.joined_day
    ),
    summed as (
        select
            page_key,
            member_key,
            last_day,
            sum(hours_gained) filter (age < 30) as hours,
            max(age) filter (age <= 30) as known_days
        from aged
        group by page_key, member_key, last_day
    ),
    known as (
        select
            status.page_key,
            status.member_key,
            status.required_hours,
            ends.last_day,
            summed.hours,
            coalesce(summed.known_days, 0) as known_days
        from marts.rpt_activity_status as status
        cross join ends
        left join summed
            on
                status.page_key = summed.page_key
                and status.member_key = summed.member_key
                and ends.last_day = summed.last_day
    ),
    exempt as (
        select known.page_key, known.member_key, known.last_day, count(*) as days
        from known, unnest(range(greatest(known.known_days, 1))) as ages(age)
        where exists (
            select 1 from marts.fct_leaves_of_absence as leaves
            where
                known.member_key = leaves.member_key
                and known.page_key = coalesce(leaves.page_key, known.page_key)
                and known.last_day - cast(age as integer) between
                    leaves.first_day and coalesce(leaves.last_day, known.last_day)
        )
        group by all
    ),
    measured as (
        select
            known.*,
            coalesce(exempt.days, 0) >= greatest(known.known_days, 1) as is_on_leave,
            known.hours / nullif(
                known.required_hours
                * (known.known_days - coalesce(exempt.days, 0)) / 30.0, 0
            ) as share
        from known
        left join exempt using (page_key, member_key, last_day)
    )
    select
        now.page_key,
        {_NAME} as name,
        ranks.rank_name as rank,
        now.required_hours as required,
        now.hours,
        now.share,
        now.is_on_leave,
        earlier.share as share_before,
        earlier.is_on_leave as was_on_leave
    from measured as now
    inner join measured as earlier
        on
            now.page_key = earlier.page_key and now.member_key = earlier.member_key
            and earlier.last_day = $monday - 1
    inner join marts.rpt_activity_status as status
        on now.page_key = status.page_key and now.member_key = status.member_key
    inner join marts.dim_members as members on now.member_key = members.member_key
    left join marts.dim_ranks as ranks on status.rank_key = ranks.rank_key
    where now.last_day = $next - 1
"""
