with source as (

    {{ declared_source('autorosters', 'page_users') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'rank']) }} as page_user_id,
        page_id,
        discord_id,
        name as member_name,
        rank as rank_name,
        is_command,
        discord_username,
        promotion_date,
        promotion_officer,
        patrol_hours,
        certifications as certifications_json,
        subdivisions as subdivisions_json,
        list_hash,
        _observed_at as observed_at
    from source

)

select * from final
