with versions as (

    select * from {{ ref('int_member_periods') }}

),

described as (

    select
        member_period_id as member_version_key,
        member_id as member_key,
        source_system,
        source_id,
        {{ pii('full_name') }} as full_name,
        {{ pii('email') }} as email,
        {{ pii('social_handle') }} as social_handle,
        {{ pii('discord_handle') }} as discord_handle,
        referral_id,
        contact_stage,
        {{ or_none_when(
            surrogate_key(['program_id']),
            "source_system = 'autorosters' or not is_active",
        ) }} as program_key,
        is_active,
        page_count as current_page_count,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from versions

),

final as (

    {{ with_placeholders(
        'described',
        ['member_version_key', 'member_key', 'program_key'],
        names=['full_name'],
        flags=['is_current'],
        begins='valid_from'
    ) }}

)

select * from final
