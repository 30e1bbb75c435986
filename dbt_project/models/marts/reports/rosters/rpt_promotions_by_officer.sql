with changes as (

    select * from {{ ref('fct_roster_changes') }}
    where change_type in ('promoted', 'demoted')

),

dates as (

    select * from {{ ref('dim_dates') }}

),

counted as (

    select
        changes.page_key,
        coalesce(changes.promotion_officer, 'unknown') as promotion_officer,
        dates.month_start_day,
        count(case when changes.change_type = 'promoted' then 1 end)
            as promotion_count,
        count(case when changes.change_type = 'demoted' then 1 end)
            as demotion_count
    from changes
    inner join dates on changes.date_day = dates.date_day
    group by
        changes.page_key,
        coalesce(changes.promotion_officer, 'unknown'),
        dates.month_start_day

),

final as (

    select
        {{ surrogate_key(['page_key', 'promotion_officer', 'month_start_day']) }}
            as officer_month_key,
        page_key,
        promotion_officer,
        month_start_day,
        promotion_count,
        demotion_count
    from counted

)

select * from final
