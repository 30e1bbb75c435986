with clicks as (

    select * from {{ ref('fct_clicks') }}
    where member_key is not null

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
    from summed

)

select * from final
