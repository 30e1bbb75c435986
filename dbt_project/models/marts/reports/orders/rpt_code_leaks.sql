with codes as (

    select * from {{ ref('dim_discount_codes') }}

),

entered as (

    select * from {{ ref('fct_order_codes') }}
    where discount_code_key is not null

),

orders as (

    select * from {{ ref('fct_orders') }}

),

used as (

    select
        entered.discount_code_key,
        count(*) as order_count,
        count(distinct orders.customer_key) as customer_count,
        count(case when orders.customer_key is null then 1 end)
            as unknown_customer_order_count,
        min(orders.date_day) as first_order_day,
        max(orders.date_day) as last_order_day
    from entered
    inner join orders on entered.order_key = orders.order_key
    group by entered.discount_code_key

),

-- A code is compared with the others of its kind that are in use.
compared as (

    select
        codes.discount_code_key,
        codes.member_key,
        codes.normalized_code,
        codes.discount_rule_kind,
        codes.is_personal,
        coalesce(codes.is_personal, false)
        or codes.discount_rule_kind in ('leakproof', 'reward') as is_for_one,
        used.order_count,
        used.customer_count,
        used.unknown_customer_order_count,
        used.first_order_day,
        used.last_order_day,
        sum(used.customer_count) over (
            partition by codes.discount_rule_kind, codes.is_personal
        ) - used.customer_count as other_customer_count,
        count(*) over (
            partition by codes.discount_rule_kind, codes.is_personal
        ) - 1 as other_code_count
    from used
    inner join codes on used.discount_code_key = codes.discount_code_key

),

measured as (

    select
        *,
        cast(other_customer_count as {{ raw_type('double') }})
        / nullif(other_code_count, 0) as usual_customer_count
    from compared

),

final as (

    select
        discount_code_key,
        member_key,
        normalized_code,
        discount_rule_kind,
        is_personal,
        order_count,
        customer_count,
        unknown_customer_order_count,
        usual_customer_count,
        customer_count / nullif(usual_customer_count, 0) as customer_ratio,
        case
            when is_for_one then customer_count > 1
            else
                customer_count >= {{ var('code_leak_minimum_customers') }}
                and customer_count
                > {{ var('code_leak_ratio') }} * usual_customer_count
        end as is_leak_suspected,
        case
            when is_for_one and customer_count > 1
                then 'A code for one customer was used by several.'
            when
                not is_for_one
                and customer_count >= {{ var('code_leak_minimum_customers') }}
                and customer_count
                > {{ var('code_leak_ratio') }} * usual_customer_count
                then 'Many more customers use it than other codes of its kind.'
        end as leak_reason,
        first_order_day,
        last_order_day
    from measured

)

select * from final
