with codes as (

    select * from {{ ref('fct_order_codes') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

entered as (

    select
        codes.entered_code as normalized_code,
        codes.discount_code_key,
        codes.is_roster_code,
        codes.is_attributing,
        orders.order_currency as currency,
        orders.customer_key,
        orders.net_amount,
        orders.ordered_at
    from codes
    inner join orders on codes.order_key = orders.order_key

),

summed as (

    select
        normalized_code,
        discount_code_key,
        currency,
        count(*) as order_count,
        count(distinct case when {{ is_named('customer_key') }} then customer_key end)
            as customer_count,
        count(case when is_attributing then 1 end) as attributed_order_count,
        count(case when is_attributing is null then 1 end) as unknown_order_count,
        {{ known_sum('net_amount', 'is_attributing', 'is_attributing is null') }}
            as attributed_revenue,
        count(case when is_attributing and net_amount is null then 1 end)
            as unknown_amount_order_count,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at
    from entered
    group by normalized_code, discount_code_key, currency

),

final as (

    select
        {{ surrogate_key([
            'normalized_code',
            "coalesce(discount_code_key, '')",
            "coalesce(currency, '')",
        ]) }} as code_performance_key,
        discount_code_key,
        normalized_code,
        currency,
        order_count,
        customer_count,
        attributed_order_count,
        unknown_order_count,
        cast(attributed_revenue as decimal(18, 4)) as attributed_revenue,
        unknown_amount_order_count,
        row_number() over (
            partition by currency
            order by
                case when attributed_revenue is null then 1 else 0 end asc,
                attributed_revenue desc,
                order_count desc,
                normalized_code asc,
                discount_code_key asc
        ) as revenue_rank,
        first_order_at,
        last_order_at
    from summed

)

select * from final
