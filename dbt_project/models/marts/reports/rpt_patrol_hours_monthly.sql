with hours as (

    select * from {{ ref('fct_patrol_hours') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

members as (

    select
        {{ surrogate_key(['page_id']) }} as page_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key,
        required_hours
    from {{ ref('int_page_members') }}

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

final as (

    select
        {{ surrogate_key([
            'summed.page_key',
            'summed.member_key',
            'summed.month_start_day',
        ]) }} as patrol_month_key,
        summed.page_key,
        summed.member_key,
        members.rank_key,
        summed.month_start_day,
        cast(summed.hours_gained as decimal(18, 4)) as hours_gained,
        cast(members.required_hours as decimal(18, 4)) as required_hours,
        summed.hours_gained >= members.required_hours as is_met
    from summed
    left join members
        on
            summed.page_key = members.page_key
            and summed.member_key = members.member_key

)

select * from final
