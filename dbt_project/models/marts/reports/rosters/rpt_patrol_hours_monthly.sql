with hours as (

    select * from {{ ref('fct_patrol_hours') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

assignments as (

    select * from {{ ref('fct_rank_assignments') }}

),

ranks as (

    select * from {{ ref('dim_ranks_history') }}

),

requirements as (

    select
        *,
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key
    from {{ ref('int_rank_requirements') }}

),

leaves as (

    select * from {{ ref('fct_leaves_of_absence') }}

),

summed as (

    select
        hours.page_key,
        hours.member_key,
        dates.month_start_day,
        sum(hours.hours_gained) as hours_gained
    from hours
    inner join dates on hours.date_day = dates.date_day
    group by hours.page_key, hours.member_key, dates.month_start_day

),

last_days as (

    select
        hours.page_key,
        dates.month_start_day,
        max(hours.date_day) as last_day
    from hours
    inner join dates on hours.date_day = dates.date_day
    group by hours.page_key, dates.month_start_day

),

-- The rank held when the page was last read in the month, the most senior of several;
-- who had left by then has none.
ranked as (

    select
        summed.page_key,
        summed.member_key,
        summed.month_start_day,
        summed.hours_gained,
        last_days.last_day,
        cast({{ dbt.last_day('summed.month_start_day', 'month') }} as date)
            as month_end_day,
        assignments.rank_key,
        row_number() over (
            partition by summed.page_key, summed.member_key, summed.month_start_day
            order by ranks.seniority_order, assignments.rank_key
        ) as place
    from summed
    inner join last_days
        on
            summed.page_key = last_days.page_key
            and summed.month_start_day = last_days.month_start_day
    left join assignments
        on
            summed.page_key = assignments.page_key
            and summed.member_key = assignments.member_key
            and last_days.last_day >= {{ reporting_day('assignments.valid_from') }}
            and (
                last_days.last_day < {{ reporting_day('assignments.valid_to') }}
                or assignments.valid_to is null
            )
    left join ranks
        on
            assignments.rank_key = ranks.rank_key
            and last_days.last_day >= {{ reporting_day('ranks.valid_from') }}
            and (
                last_days.last_day < {{ reporting_day('ranks.valid_to') }}
                or ranks.valid_to is null
            )

),

exempt as (

    {{ exempt_days(
        'ranked',
        ['page_key', 'member_key', 'month_start_day'],
        'ranked.month_start_day',
        'ranked.month_end_day'
    ) }}

),

required as (

    select
        ranked.*,
        requirements.required_hours as rank_required_hours,
        coalesce(exempt.exempt_day_count, 0) as exempt_day_count,
        extract(day from ranked.month_end_day) as day_count
    from ranked
    left join requirements
        on
            ranked.rank_key = requirements.rank_key
            and ranked.last_day >= {{ reporting_day('requirements.valid_from') }}
            and (
                ranked.last_day < {{ reporting_day('requirements.valid_to') }}
                or requirements.valid_to is null
            )
    left join exempt
        on
            ranked.page_key = exempt.page_key
            and ranked.member_key = exempt.member_key
            and ranked.month_start_day = exempt.month_start_day
    where ranked.place = 1

),

-- Days of leave require nothing.
measured as (

    select
        *,
        cast(
            rank_required_hours * (day_count - exempt_day_count)
            / cast(day_count as {{ raw_type('double') }}) as decimal(18, 4)
        ) as required_hours
    from required

),

final as (

    select
        {{ surrogate_key(['page_key', 'member_key', 'month_start_day']) }}
            as patrol_month_key,
        page_key,
        member_key,
        {{ or_none('rank_key') }} as rank_key,
        month_start_day,
        cast(hours_gained as decimal(18, 4)) as hours_gained,
        cast(rank_required_hours as decimal(18, 4)) as rank_required_hours,
        cast(exempt_day_count as {{ dbt.type_bigint() }}) as exempt_day_count,
        required_hours,
        case when exempt_day_count < day_count then hours_gained >= required_hours end
            as is_met
    from measured

)

select * from final
