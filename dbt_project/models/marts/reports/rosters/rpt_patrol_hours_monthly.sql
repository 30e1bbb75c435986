with hours as (

    select * from {{ ref('fct_patrol_hours') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

assignments as (

    select
        *,
        {{ surrogate_key(['page_id']) }} as page_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key
    from {{ ref('int_rank_assignments') }}

),

requirements as (

    select * from {{ ref('int_rank_requirements') }}

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
        assignments.page_id,
        assignments.role_id,
        row_number() over (
            partition by summed.page_key, summed.member_key, summed.month_start_day
            order by assignments.seniority_order, assignments.role_id
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

),

final as (

    select
        {{ surrogate_key([
            'ranked.page_key',
            'ranked.member_key',
            'ranked.month_start_day',
        ]) }} as patrol_month_key,
        ranked.page_key,
        ranked.member_key,
        {{ or_none(surrogate_key(['ranked.page_id', 'ranked.role_id'])) }} as rank_key,
        ranked.month_start_day,
        cast(ranked.hours_gained as decimal(18, 4)) as hours_gained,
        cast(requirements.required_hours as decimal(18, 4)) as required_hours,
        ranked.hours_gained >= requirements.required_hours as is_met
    from ranked
    left join requirements
        on
            ranked.page_id = requirements.page_id
            and ranked.role_id = requirements.role_id
            and ranked.last_day >= {{ reporting_day('requirements.valid_from') }}
            and (
                ranked.last_day < {{ reporting_day('requirements.valid_to') }}
                or requirements.valid_to is null
            )
    where ranked.place = 1

)

select * from final
