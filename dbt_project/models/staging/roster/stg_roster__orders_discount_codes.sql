with source as (

    {{ declared_source('roster', 'orders__discount_codes') }}

),

final as (

    select
        {{ surrogate_key(['order_id', 'position']) }} as order_discount_code_id,
        order_id,
        position as code_position,
        code as discount_code,
        code_key as discount_code_key,
        _observed_at as observed_at
    from source

)

select * from final
