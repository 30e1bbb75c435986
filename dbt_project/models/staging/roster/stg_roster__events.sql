with source as (

    {{ declared_source('roster', 'events') }}

),

-- Nobody published what is in a redemption.
redeemed as (

    select
        *,
        {{ json_field(
            'redemption', ['sku', 'SKU', 'Sku', 'productSku', 'product_sku']
        ) }} as redeemed_sku,
        {{ json_field('redemption', ['quantity', 'Quantity', 'qty']) }}
            as redeemed_quantity
    from source

),

final as (

    select
        id as event_id,
        {{ word('type') }} as event_type,
        contact_id,
        email,
        email_key,
        first_name,
        last_name,
        social_handle,
        discord_handle,
        discord_handle_key,
        referral_id,
        referral_id_key,
        {{ contact_stage('stage') }} as stage, -- noqa: RF04
        program_id,
        order_id,
        reward_id,
        amount,
        {{ currency_code() }} as currency,
        occurred_at,
        redemption,
        redeemed_sku,
        {{ whole_number('redeemed_quantity') }} as redeemed_quantity,
        _observed_at as observed_at
    from redeemed

)

select * from final
