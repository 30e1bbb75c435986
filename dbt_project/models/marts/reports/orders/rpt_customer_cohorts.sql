with orders as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_day
    from {{ ref('fct_orders') }}
    where date_day is not null

),

customers as (

    select * from {{ ref('dim_customers') }}

),

first_orders as (

    select
        customers.customer_key,
        orders.month_start_day as cohort_month_start_day,
        orders.attribution_type as first_attribution_type
    from customers
    inner join orders on customers.first_order_key = orders.order_key

),

ordered as (

    select
        first_orders.cohort_month_start_day,
        first_orders.first_attribution_type,
        orders.customer_key,
        orders.order_currency as currency,
        orders.month_start_day,
        orders.net_amount
    from orders
    inner join first_orders on orders.customer_key = first_orders.customer_key

),

sizes as (

    select
        cohort_month_start_day,
        first_attribution_type,
        currency,
        count(distinct customer_key) as customer_count
    from ordered
    group by cohort_month_start_day, first_attribution_type, currency

),

earned as (

    select
        cohort_month_start_day,
        first_attribution_type,
        currency,
        month_start_day,
        count(distinct customer_key) as ordering_customer_count,
        count(*) as order_count,
        {{ known_sum('net_amount') }} as revenue,
        count(case when net_amount is null then 1 end)
            as unknown_amount_order_count
    from ordered
    group by
        cohort_month_start_day,
        first_attribution_type,
        currency,
        month_start_day

),

final as (

    select
        {{ surrogate_key([
            'earned.cohort_month_start_day',
            'earned.first_attribution_type',
            "coalesce(earned.currency, '')",
            'earned.month_start_day',
        ]) }} as customer_cohort_month_key,
        earned.cohort_month_start_day,
        earned.first_attribution_type,
        earned.currency,
        earned.month_start_day,
        cast(
            (
                extract(year from earned.month_start_day)
                - extract(year from earned.cohort_month_start_day)
            ) * 12
            + extract(month from earned.month_start_day)
            - extract(month from earned.cohort_month_start_day)
            as {{ dbt.type_bigint() }}
        ) as months_since_first_order,
        sizes.customer_count,
        earned.ordering_customer_count,
        earned.order_count,
        cast(earned.revenue as decimal(18, 4)) as revenue,
        earned.unknown_amount_order_count
    from earned
    inner join sizes
        on
            earned.cohort_month_start_day = sizes.cohort_month_start_day
            and earned.first_attribution_type = sizes.first_attribution_type
            and coalesce(earned.currency, '') = coalesce(sizes.currency, '')

)

select * from final
