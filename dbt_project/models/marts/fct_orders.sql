{{ config(
    materialized='incremental',
    unique_key='order_key',
    on_schema_change='append_new_columns',
    post_hook="
        delete from {{ this }}
        where order_id not in (select order_id from {{ ref('stg_roster__orders') }})
    ",
) }}

with orders as (

    select * from {{ ref('stg_roster__orders') }}

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

derived as (

    select
        {{ surrogate_key(['orders.order_id']) }} as order_key,
        orders.order_id,
        orders.order_number,
        case
            when attribution.contact_id is not null
                then {{ surrogate_key(["'roster'", 'attribution.contact_id']) }}
        end as member_key,
        {{ surrogate_key(['attribution.program_id']) }} as program_key,
        cast(coalesce(orders.created_at, orders.order_date) as date) as date_day,
        coalesce(orders.created_at, orders.order_date) as ordered_at,
        orders.order_status,
        attribution.attribution_type,
        attribution.attribution_method,
        orders.currency,
        orders.subtotal_amount,
        orders.total_amount,
        coalesce(orders.refunded_amount, 0) as refunded_amount,
        orders.total_amount - coalesce(orders.refunded_amount, 0) as net_amount,
        cast(commissions.commission_rate as decimal(18, 4)) as commission_rate,
        cast(commissions.commission_amount as decimal(18, 4)) as commission_amount,
        commissions.commission_currency,
        rewards.reward_status,
        cast(rewards.reward_amount as decimal(18, 4)) as reward_amount,
        rewards.reward_currency,
        coalesce(lines.line_count, 0) as line_count,
        coalesce(lines.item_count, 0) as item_count,
        orders.updated_at
    from orders
    left join attribution on orders.order_id = attribution.order_id
    left join commissions on orders.order_id = commissions.order_id
    left join rewards on orders.order_id = rewards.order_id
    left join lines on orders.order_id = lines.order_id

),

final as (

    {{ changed_rows('derived') }}

)

select * from final
