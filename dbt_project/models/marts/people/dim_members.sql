with members as (

    select * from {{ ref('int_members') }}

),

links as (

    select * from {{ ref('int_person_links') }}

),

described as (

    select
        members.member_id as member_key,
        members.source_system,
        members.source_id,
        coalesce(links.person_key, members.member_id) as person_key,
        links.match_reason as person_match_reason,
        {{ pii('members.full_name') }} as full_name,
        {{ pii('members.email') }} as email,
        {{ pii('members.social_handle') }} as social_handle,
        {{ pii('members.discord_handle') }} as discord_handle,
        members.referral_id,
        members.contact_stage,
        {{ or_none_when(
            surrogate_key(['members.current_program_id']),
            "members.source_system = 'autorosters' or not members.is_active",
        ) }} as current_program_key,
        members.is_active,
        members.current_page_count,
        members.first_seen_at
    from members
    left join links
        on
            members.source_id = links.contact_id
            and members.source_system = 'roster'

),

final as (

    {{ with_placeholders(
        'described',
        ['member_key', 'person_key', 'current_program_key'],
        names=['full_name']
    ) }}

)

select * from final
