with all_clicks as (

    select * from {{ ref('fct_clicks') }}

),

clicks as (

    select * from all_clicks
    where {{ is_named('member_key') }}

),

-- Before the first click was sent from here, clicks were captured elsewhere, if at all.
sent as (

    select
        min(date_day) as first_click_day,
        cast({{ dbt.date_trunc('month', 'min(date_day)') }} as date)
            as first_month_start_day
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

counted as (

    select
        happenings.member_key,
        dates.month_start_day,
        sum(happenings.link_order_count) as link_order_count,
        sum(
            case
                when dates.month_start_day >= sent.first_month_start_day
                    then happenings.click_count
            end
        ) as click_count,
        sum(
            case
                when happenings.date_day >= sent.first_click_day
                    then happenings.link_order_count
                when dates.month_start_day >= sent.first_month_start_day then 0
            end
        ) as comparable_order_count
    from happenings
    inner join dates on happenings.date_day = dates.date_day
    cross join sent
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
        cast(comparable_order_count as {{ dbt.type_bigint() }})
            as comparable_order_count,
        cast(comparable_order_count as {{ raw_type('double') }})
        / nullif(click_count, 0) as conversion_rate
    from counted

)

select * from final
