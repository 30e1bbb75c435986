-- Both are derived on their own: members from what is known now, versions from history.
with members as (

    select * from {{ ref('dim_members') }}

),

versions as (

    select * from {{ ref('dim_members_history') }}
    where is_current

),

final as (

    select
        members.member_key as member_key_now,
        versions.member_key as member_key_in_history
    from members
    full outer join versions on members.member_key = versions.member_key
    where
        members.member_key is null
        or versions.member_key is null
        {%- for now, then in [
            ('full_name', 'full_name'),
            ('email', 'email'),
            ('social_handle', 'social_handle'),
            ('discord_handle', 'discord_handle'),
            ('referral_id', 'referral_id'),
            ('contact_stage', 'contact_stage'),
            ('current_program_key', 'program_key'),
        ] %}
            or coalesce(members.{{ now }}, '') <> coalesce(versions.{{ then }}, '')
        {%- endfor %}
        or coalesce(members.current_page_count, -1)
        <> coalesce(versions.current_page_count, -1)
        or case members.is_active when true then 1 when false then 0 else -1 end
        <> case versions.is_active when true then 1 when false then 0 else -1 end

)

select * from final
