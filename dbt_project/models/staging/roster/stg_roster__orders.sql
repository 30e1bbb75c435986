with source as (

    {{ declared_source('roster', 'orders') }}

),

final as (

    select
        order_id,
        order_number,
        order_date,
        {{ word('status') }} as order_status,
        {{ currency_code() }} as currency,
        subtotal_price as subtotal_amount,
        total_price as total_amount,
        refunded_amount,
        first_name,
        email,
        email_key,
        referral_id,
        referral_id_key,
        created_at,
        updated_at,
        _observed_at as observed_at
    from source
    where not coalesce(is_deleted, false)

)

select * from final
