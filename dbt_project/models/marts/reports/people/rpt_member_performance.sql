with orders as (

    select * from {{ ref('fct_orders') }}
    where attribution_type = 'referred'

),

source_days as (

    select max(source_day) as source_day
    from {{ ref('int_source_reads') }}
    where source_system = 'roster'

),

aged as (

    select
        orders.*,
        orders.date_day
        > cast({{ dbt.dateadd('day', -30, 'source_days.source_day') }} as date)
            as is_recent
    from orders
    cross join source_days

),

sold as (

    select
        member_key,
        order_currency as currency,
        count(*) as referred_order_count,
        count(case when net_amount is null then 1 end)
            as unknown_amount_order_count,
        {{ known_sum('net_amount') }} as referral_revenue,
        count(case when is_recent then 1 end) as referred_order_count_30_days,
        {{ known_sum('net_amount', 'is_recent') }} as referral_revenue_30_days,
        max(ordered_at) as last_order_at
    from aged
    group by member_key, order_currency

),

-- A fixed commission is paid in the program's currency, whatever the order's is.
earned as (

    select
        member_key,
        coalesce(commission_currency, order_currency) as currency,
        sum(commission_amount) as commission_amount,
        count(case when commission_amount is null then 1 end)
            as unknown_commission_order_count
    from orders
    group by member_key, coalesce(commission_currency, order_currency)

),

cells as (

    select
        member_key,
        currency
    from sold
    union distinct
    select
        member_key,
        currency
    from earned

),

joined as (

    select
        cells.member_key,
        cells.currency,
        coalesce(sold.referred_order_count, 0) as referred_order_count,
        coalesce(sold.unknown_amount_order_count, 0) as unknown_amount_order_count,
        case when sold.member_key is null then 0 else sold.referral_revenue end
            as referral_revenue,
        case when earned.member_key is null then 0 else earned.commission_amount end
            as commission_amount,
        coalesce(earned.unknown_commission_order_count, 0)
            as unknown_commission_order_count,
        coalesce(sold.referred_order_count_30_days, 0)
            as referred_order_count_30_days,
        case when sold.member_key is null then 0 else sold.referral_revenue_30_days end
            as referral_revenue_30_days,
        sold.last_order_at
    from cells
    left join sold
        on
            cells.member_key = sold.member_key
            and coalesce(cells.currency, '') = coalesce(sold.currency, '')
    left join earned
        on
            cells.member_key = earned.member_key
            and coalesce(cells.currency, '') = coalesce(earned.currency, '')

),

final as (

    select
        {{ surrogate_key(['member_key', "coalesce(currency, '')"]) }}
            as member_performance_key,
        member_key,
        currency,
        referred_order_count,
        cast(referral_revenue as decimal(18, 4)) as referral_revenue,
        unknown_amount_order_count,
        cast(commission_amount as decimal(18, 4)) as commission_amount,
        unknown_commission_order_count,
        referred_order_count_30_days,
        cast(referral_revenue_30_days as decimal(18, 4)) as referral_revenue_30_days,
        row_number() over (
            partition by currency
            order by
                case when referral_revenue is null then 1 else 0 end asc,
                referral_revenue desc,
                referred_order_count desc,
                member_key asc
        ) as revenue_rank,
        last_order_at
    from joined

)

select * from final
