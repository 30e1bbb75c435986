with source as (

    {{ declared_source('autorosters', 'users_versions') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id', 'discord_id', '_sequence']) }}
            as user_version_id,
        page_id,
        role_id,
        discord_id,
        name as member_name,
        discord_username,
        promotion_date,
        promotion_officer,
        patrol_hours,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
