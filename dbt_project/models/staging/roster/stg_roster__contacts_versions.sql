with source as (

    {{ declared_source('roster', 'contacts_versions') }}

),

final as (

    select
        {{ surrogate_key(['id', '_sequence']) }} as contact_version_id,
        id as contact_id,
        email,
        email_key,
        first_name,
        last_name,
        social_handle,
        discord_handle,
        {{ contact_stage('stage') }} as stage, -- noqa: RF04
        referral_id,
        referral_id_key,
        {{ changed_at(['id']) }} as changed_at,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
