with source as (

    {{ declared_source('roster', 'events') }}

),

final as (

    select
        id as event_id,
        type as event_type,
        contact_id,
        email,
        first_name,
        last_name,
        social_handle,
        discord_handle,
        referral_id,
        stage,
        program_id,
        order_id,
        reward_id,
        amount,
        upper(currency) as currency,
        occurred_at,
        redemption,
        _observed_at as observed_at
    from source

)

select * from final
