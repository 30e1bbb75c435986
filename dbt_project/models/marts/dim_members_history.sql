with versions as (

    select * from {{ ref('snap_members') }}

),

final as (

    select
        dbt_scd_id as member_version_key,
        member_id as member_key,
        source_system,
        source_id,
        {{ pii('full_name') }} as full_name,
        {{ pii('email') }} as email,
        {{ pii('social_handle') }} as social_handle,
        {{ pii('discord_handle') }} as discord_handle,
        referral_id,
        contact_stage,
        {{ surrogate_key(['current_program_id']) }} as program_key,
        is_active,
        current_page_count,
        dbt_valid_from as valid_from,
        dbt_valid_to as valid_to,
        dbt_valid_to is null as is_current
    from versions

)

select * from final
