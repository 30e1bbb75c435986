with source as (

    {{ declared_source('roster', 'contacts') }}

),

final as (

    select
        id as contact_id,
        email,
        email_key,
        first_name,
        last_name,
        social_handle,
        discord_handle,
        discord_handle_key,
        {{ contact_stage('stage') }} as stage, -- noqa: RF04
        program_id,
        referral_id,
        referral_id_key,
        created_at,
        updated_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        _observed_at as observed_at
    from source

)

select * from final
