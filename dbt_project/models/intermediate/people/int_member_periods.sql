with contacts as (

    select * from {{ ref('int_contact_periods') }}

),

users as (

    select * from {{ ref('int_discord_user_periods') }}

),

all_members as (

    select
        'roster' as source_system,
        contact_id as source_id,
        full_name,
        email,
        social_handle,
        discord_handle,
        referral_id,
        stage as contact_stage,
        program_id,
        is_active,
        cast(null as {{ dbt.type_bigint() }}) as page_count,
        valid_from,
        valid_to
    from contacts

    union all

    select
        'autorosters' as source_system,
        discord_id as source_id,
        member_name as full_name,
        cast(null as {{ dbt.type_string() }}) as email,
        cast(null as {{ dbt.type_string() }}) as social_handle,
        discord_username as discord_handle,
        cast(null as {{ dbt.type_string() }}) as referral_id,
        cast(null as {{ dbt.type_string() }}) as contact_stage,
        cast(null as {{ dbt.type_string() }}) as program_id,
        page_count > 0 as is_active,
        page_count,
        valid_from,
        valid_to
    from users

),

final as (

    select
        {{ surrogate_key(['source_system', 'source_id', 'valid_from']) }}
            as member_period_id,
        {{ surrogate_key(['source_system', 'source_id']) }} as member_id,
        source_system,
        source_id,
        full_name,
        email,
        social_handle,
        discord_handle,
        referral_id,
        contact_stage,
        program_id,
        is_active,
        page_count,
        valid_from,
        valid_to
    from all_members

)

select * from final
