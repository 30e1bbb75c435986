with hours as (

    select
        *,
        cast({{ dbt.date_trunc('week', 'date_day') }} as date) as week_start_day
    from {{ ref('fct_patrol_hours') }}

),

months as (

    select * from {{ ref('rpt_patrol_hours_monthly') }}

),

leaves as (

    select * from {{ ref('fct_leaves_of_absence') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

pages as (

    select
        page_key,
        {{ reporting_day('page_last_read_at') }} as last_day
    from {{ ref('dim_roster_pages') }}

),

summed as (

    select
        page_key,
        member_key,
        week_start_day,
        sum(hours_gained) as hours_gained,
        max(date_day) as last_day,
        cast({{ dbt.date_trunc('month', 'max(date_day)') }} as date)
            as month_start_day
    from hours
    group by page_key, member_key, week_start_day

),

weeks as (

    select
        summed.*,
        months.rank_key,
        months.rank_required_hours as required_hours_month,
        pages.last_day
        >= cast({{ dbt.dateadd('day', 7, 'summed.week_start_day') }} as date)
            as is_over
    from summed
    inner join pages on summed.page_key = pages.page_key
    inner join months
        on
            summed.page_key = months.page_key
            and summed.member_key = months.member_key
            and summed.month_start_day = months.month_start_day

),

exempt as (

    {{ exempt_days(
        'weeks',
        ['page_key', 'member_key', 'week_start_day'],
        'weeks.week_start_day',
        'cast(' ~ dbt.dateadd('day', 6, 'weeks.week_start_day') ~ ' as date)'
    ) }}

),

-- A month counts as 30 days. Days of leave require nothing.
measured as (

    select
        weeks.*,
        coalesce(exempt.exempt_day_count, 0) as exempt_day_count,
        weeks.required_hours_month
        * (7 - coalesce(exempt.exempt_day_count, 0)) / 30.0 as required_hours
    from weeks
    left join exempt
        on
            weeks.page_key = exempt.page_key
            and weeks.member_key = exempt.member_key
            and weeks.week_start_day = exempt.week_start_day

),

final as (

    select
        {{ surrogate_key(['page_key', 'member_key', 'week_start_day']) }}
            as quota_week_key,
        page_key,
        member_key,
        rank_key,
        week_start_day,
        is_over,
        exempt_day_count,
        cast(hours_gained as decimal(18, 4)) as hours_gained,
        cast(required_hours as decimal(18, 4)) as required_hours,
        case
            when exempt_day_count = 7 then 'exempt'
            when required_hours is null then 'none'
            when hours_gained is null then 'unknown'
            when hours_gained >= required_hours then 'met'
            when is_over then 'short'
            else 'open'
        end as quota_status
    from measured

)

select * from final
