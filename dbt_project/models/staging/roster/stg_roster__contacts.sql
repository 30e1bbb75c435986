with source as (

    {{ declared_source('roster', 'contacts') }}

),

final as (

    select
        id as contact_id,
        email,
        first_name,
        last_name,
        social_handle,
        discord_handle,
        stage,
        program_id,
        referral_id,
        created_at,
        updated_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        _observed_at as observed_at
    from source

)

select * from final
