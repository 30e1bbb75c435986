{{ config(
    materialized='incremental',
    unique_key='order_key',
    on_schema_change='append_new_columns',
    post_hook="
        delete from {{ this }}
        where order_id not in (select order_id from {{ ref('stg_roster__orders') }})
    ",
) }}

with staged as (

    select * from {{ ref('stg_roster__orders') }}

),

orders as (

    select
        order_id,
        order_number,
        {{ hashed(normalized('email', 'email_key')) }} as customer_key,
        order_date,
        order_status,
        currency,
        created_at,
        updated_at
    from staged

),

amounts as (

    select * from {{ ref('int_order_amounts') }}

),

attribution as (

    select * from {{ ref('int_order_attribution') }}

),

commissions as (

    select * from {{ ref('int_order_commissions') }}

),

rewards as (

    select * from {{ ref('int_order_rewards') }}

),

lines as (

    select
        order_id,
        count(*) as line_count,
        cast(sum(quantity) as {{ dbt.type_bigint() }}) as item_count
    from {{ ref('stg_roster__orders_line_items') }}
    group by order_id

),

-- Where no order has a line, lines are sent under another name, if at all.
sent as (

    select count(*) as order_count
    from lines

),

derived as (

    select
        {{ surrogate_key(['orders.order_id']) }} as order_key,
        orders.order_id,
        orders.order_number,
        {{ or_none_when(
            surrogate_key(["'roster'", 'attribution.contact_id']),
            "attribution.attribution_type = 'none'",
        ) }} as member_key,
        {{ or_none_when(
            surrogate_key(['attribution.program_id']),
            "attribution.attribution_type = 'none'",
        ) }} as program_key,
        {{ or_unknown('orders.customer_key') }} as customer_key,
        {{ order_day('orders.created_at', 'orders.order_date') }} as date_day,
        coalesce(orders.created_at, orders.order_date) as ordered_at,
        {{ reporting_day_of_date('orders.order_date') }} as order_date,
        orders.order_status,
        attribution.attribution_type,
        attribution.attribution_method,
        orders.currency as order_currency,
        amounts.subtotal_amount,
        amounts.total_amount,
        amounts.total_refunded_amount,
        amounts.gross_amount,
        amounts.refunded_amount,
        amounts.net_amount,
        amounts.is_cancelled,
        cast(commissions.commission_rate as decimal(18, 4)) as commission_rate,
        cast(commissions.commission_amount as decimal(18, 4)) as commission_amount,
        commissions.commission_currency,
        rewards.reward_status as order_reward_status,
        cast(rewards.reward_amount as decimal(18, 4)) as order_reward_amount,
        rewards.reward_currency as order_reward_currency,
        case when sent.order_count > 0 then coalesce(lines.line_count, 0) end
            as line_count,
        case
            when lines.order_id is not null then lines.item_count
            when sent.order_count > 0 then 0
        end as item_count,
        orders.updated_at as order_updated_at
    from orders
    inner join amounts on orders.order_id = amounts.order_id
    left join attribution on orders.order_id = attribution.order_id
    left join commissions on orders.order_id = commissions.order_id
    left join rewards on orders.order_id = rewards.order_id
    left join lines on orders.order_id = lines.order_id
    cross join sent

),

final as (

    {{ changed_rows('derived') }}

)

select * from final
