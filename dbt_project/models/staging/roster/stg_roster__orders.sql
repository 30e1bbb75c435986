with source as (

    {{ declared_source('roster', 'orders') }}

),

final as (

    select
        order_id,
        order_number,
        order_date,
        status as order_status,
        upper(currency) as currency,
        subtotal_price as subtotal_amount,
        total_price as total_amount,
        refunded_amount,
        first_name,
        email,
        referral_id,
        created_at,
        updated_at,
        _observed_at as observed_at
    from source
    where not coalesce(is_deleted, false)

)

select * from final
