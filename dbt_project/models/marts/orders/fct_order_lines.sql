with lines as (

    select * from {{ ref('stg_roster__orders_line_items') }}

),

orders as (

    select * from {{ ref('stg_roster__orders') }}

),

final as (

    select
        lines.order_line_id as order_line_key,
        {{ surrogate_key(['lines.order_id']) }} as order_key,
        lines.line_position,
        lines.sku,
        lines.product_name,
        orders.currency as line_currency,
        lines.quantity,
        lines.unit_price,
        cast(lines.quantity * lines.unit_price as decimal(18, 4)) as line_amount
    from lines
    inner join orders on lines.order_id = orders.order_id

)

select * from final
