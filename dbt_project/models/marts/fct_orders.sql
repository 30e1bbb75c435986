with orders as (

    select * from {{ ref('stg_roster__orders') }}

),

attribution as (

    select * from {{ ref('int_order_attribution') }}

),

lines as (

    select
        order_id,
        count(*) as line_count,
        cast(sum(quantity) as {{ dbt.type_bigint() }}) as item_count
    from {{ ref('stg_roster__orders_line_items') }}
    group by order_id

),

final as (

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
        coalesce(lines.line_count, 0) as line_count,
        coalesce(lines.item_count, 0) as item_count,
        orders.updated_at
    from orders
    left join attribution on orders.order_id = attribution.order_id
    left join lines on orders.order_id = lines.order_id

)

select * from final
