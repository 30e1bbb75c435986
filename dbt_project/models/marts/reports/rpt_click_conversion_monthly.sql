with all_clicks as (

    select * from {{ ref('fct_clicks') }}

),

clicks as (

    select * from all_clicks
    where member_key is not null

),

-- Where no click was ever sent from here, clicks are captured elsewhere, if at all.
sent as (

    select count(*) as click_count
    from all_clicks

),

orders as (

    select * from {{ ref('fct_orders') }}
    where attribution_method = 'link'

),

dates as (

    select * from {{ ref('dim_dates') }}

),

happenings as (

    select
        member_key,
        date_day,
        1 as click_count,
        0 as link_order_count
    from clicks

    union all

    select
        member_key,
        date_day,
        0 as click_count,
        1 as link_order_count
    from orders

),

summed as (

    select
        happenings.member_key,
        dates.month_start_day,
        sum(happenings.click_count) as click_count,
        sum(happenings.link_order_count) as link_order_count
    from happenings
    inner join dates on happenings.date_day = dates.date_day
    group by happenings.member_key, dates.month_start_day

),

counted as (

    select
        summed.member_key,
        summed.month_start_day,
        summed.link_order_count,
        case when sent.click_count > 0 then summed.click_count end as click_count
    from summed
    cross join sent

),

final as (

    select
        {{ surrogate_key(['member_key', 'month_start_day']) }}
            as click_conversion_key,
        member_key,
        month_start_day,
        cast(click_count as {{ dbt.type_bigint() }}) as click_count,
        cast(link_order_count as {{ dbt.type_bigint() }}) as link_order_count,
        cast(link_order_count as {{ raw_type('double') }}) / nullif(click_count, 0)
            as conversion_rate
    from counted

)

select * from final
