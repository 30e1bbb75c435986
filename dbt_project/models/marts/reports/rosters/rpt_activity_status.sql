with members as (

    select
        {{ surrogate_key(['page_id']) }} as page_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key,
        page_id,
        joined_at,
        required_hours
    from {{ ref('int_page_members') }}

),

hours as (

    select * from {{ ref('fct_patrol_hours') }}

),

leaves as (

    select * from {{ ref('fct_leaves_of_absence') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

last_days as (

    select
        {{ surrogate_key(['page_id']) }} as page_key,
        page_id,
        date_day as last_day
    from {{ ref('int_page_days') }}
    where is_last_day

),

-- Hours are known from the second read on; until 30 days are known, the requirement
-- counts in proportion.
aged as (

    select
        members.page_key,
        members.member_key,
        hours.hours_gained,
        {{ dbt.datediff('hours.date_day', 'last_days.last_day', 'day') }}
            as age_in_days
    from members
    inner join last_days on members.page_id = last_days.page_id
    inner join hours
        on
            members.page_key = hours.page_key
            and members.member_key = hours.member_key
            and {{ reporting_day('members.joined_at') }} <= hours.date_day

),

summed as (

    select
        page_key,
        member_key,
        sum(case when age_in_days < 30 then hours_gained end) as hours_30_days,
        sum(case when age_in_days between 30 and 59 then hours_gained end)
            as hours_previous_30_days,
        max(case when age_in_days <= 30 then age_in_days end) as known_days
    from aged
    group by page_key, member_key

),

-- The days that the hours are known of; without any, the last one.
known as (

    select
        members.page_key,
        members.member_key,
        members.rank_key,
        members.required_hours,
        summed.hours_30_days,
        summed.hours_previous_30_days,
        coalesce(summed.known_days, 0) as known_days,
        last_days.last_day,
        cast(
            {{ dbt.dateadd(
                'day',
                '1 - greatest(coalesce(summed.known_days, 0), 1)',
                'last_days.last_day',
            ) }} as date
        ) as first_day
    from members
    left join summed
        on
            members.page_key = summed.page_key
            and members.member_key = summed.member_key
    left join last_days on members.page_key = last_days.page_key

),

exempt as (

    {{ exempt_days(
        'known', ['page_key', 'member_key'], 'known.first_day', 'known.last_day'
    ) }}

),

-- Days of leave require nothing.
measured as (

    select
        known.*,
        coalesce(exempt.exempt_day_count, 0) as exempt_day_count,
        known.hours_30_days
        / nullif(
            known.required_hours
            * (known.known_days - coalesce(exempt.exempt_day_count, 0))
            / 30.0,
            0
        ) as required_share
    from known
    left join exempt
        on
            known.page_key = exempt.page_key
            and known.member_key = exempt.member_key

),

final as (

    select
        {{ surrogate_key(['page_key', 'member_key']) }} as activity_status_key,
        page_key,
        member_key,
        rank_key,
        cast(hours_30_days as decimal(18, 4)) as hours_30_days,
        cast(hours_previous_30_days as decimal(18, 4)) as hours_previous_30_days,
        cast(hours_30_days - hours_previous_30_days as decimal(18, 4))
            as hours_trend,
        cast(required_hours as decimal(18, 4)) as required_hours,
        cast(known_days as {{ dbt.type_bigint() }}) as known_days,
        cast(exempt_day_count as {{ dbt.type_bigint() }}) as exempt_day_count,
        cast(required_share as {{ raw_type('double') }}) as required_share,
        case
            when exempt_day_count >= greatest(known_days, 1) then 'On Leave'
            when hours_30_days is null or known_days = 0 then 'Unknown'
            when required_share is null or required_share >= 1 then 'On Track'
            when required_share >= {{ var('activity_at_risk_share') }} then 'At Risk'
            when required_share >= {{ var('activity_warning_share') }} then 'Warning'
            else 'Critical'
        end as activity_status
    from measured

)

select * from final
