with orders as (

    select * from {{ ref('fct_orders') }}
    where
        attribution_type = 'referred'
        and currency is not null

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

summed as (

    select
        member_key,
        currency,
        count(*) as referred_order_count,
        sum(subtotal_amount) as referral_revenue,
        sum(
            case when commission_currency = currency then commission_amount else 0 end
        ) as commission_amount,
        count(case when is_recent then 1 end) as referred_order_count_30_days,
        sum(case when is_recent then subtotal_amount else 0 end)
            as referral_revenue_30_days,
        max(ordered_at) as last_order_at
    from aged
    group by member_key, currency

),

final as (

    select
        {{ surrogate_key(['member_key', 'currency']) }} as member_performance_key,
        member_key,
        currency,
        referred_order_count,
        cast(referral_revenue as decimal(18, 4)) as referral_revenue,
        cast(commission_amount as decimal(18, 4)) as commission_amount,
        referred_order_count_30_days,
        cast(referral_revenue_30_days as decimal(18, 4)) as referral_revenue_30_days,
        row_number() over (
            partition by currency
            order by referral_revenue desc, member_key asc
        ) as revenue_rank,
        last_order_at
    from summed

)

select * from final
