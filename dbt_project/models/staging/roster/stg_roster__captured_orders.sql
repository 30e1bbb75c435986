with source as (

    {{ declared_source('roster', 'captured_orders') }}

),

final as (

    select
        order_id,
        order_number,
        order_date,
        discount_codes as discount_codes_json,
        {{ currency_code() }} as currency,
        subtotal_price as subtotal_amount,
        total_price as total_amount,
        first_name,
        email,
        email_key,
        sent_at,
        status as response_status,
        response_id,
        response as response_json,
        attempts as attempt_count,
        resent as is_resent,
        source_file,
        source_line,
        _observed_at as observed_at
    from source

)

select * from final
