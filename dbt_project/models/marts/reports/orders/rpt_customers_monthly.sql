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

-- A customer is new to the one program and month of the first order.
ordered as (

    select
        orders.program_key,
        orders.month_start_day,
        orders.customer_key,
        orders.attribution_type,
        case
            when orders.order_key = customers.first_order_key then orders.customer_key
        end as new_customer_key
    from orders
    left join customers on orders.customer_key = customers.customer_key

),

counted as (

    select
        program_key,
        month_start_day,
        count(*) as order_count,
        count(distinct case when {{ is_named('customer_key') }} then customer_key end)
            as customer_count,
        count(distinct new_customer_key) as new_customer_count,
        count(case when customer_key = 'unknown' then 1 end)
            as unknown_customer_order_count,
        count(case when attribution_type = 'unknown' then 1 end)
            as unknown_order_count
    from ordered
    group by program_key, month_start_day

),

final as (

    select
        {{ surrogate_key(["coalesce(program_key, '')", 'month_start_day']) }}
            as customer_month_key,
        program_key,
        month_start_day,
        customer_count,
        new_customer_count,
        customer_count - new_customer_count as returning_customer_count,
        order_count,
        unknown_customer_order_count,
        unknown_order_count
    from counted

)

select * from final
