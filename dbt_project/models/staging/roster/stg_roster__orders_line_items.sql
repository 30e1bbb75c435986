with source as (

    {{ declared_source('roster', 'orders__line_items') }}

),

final as (

    select
        {{ surrogate_key(['order_id', 'position']) }} as order_line_id,
        order_id,
        position as line_position,
        sku,
        name as product_name,
        quantity,
        price as unit_price,
        _observed_at as observed_at
    from source

)

select * from final
