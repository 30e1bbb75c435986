with source as (

    {{ declared_source('autorosters', 'users') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id', 'discord_id']) }} as rank_member_id,
        page_id,
        discord_id,
        name as member_name,
        rank as rank_name,
        is_command,
        discord_username,
        discord_username_key,
        promotion_date,
        promotion_officer,
        patrol_hours,
        role_id,
        _observed_at as observed_at
    from source

)

select * from final
