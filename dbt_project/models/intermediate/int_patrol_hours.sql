with users as (

    select * from {{ ref('stg_autorosters__users') }}

),

-- A member of several ranks is listed under each, with the same hours.
final as (

    select
        {{ surrogate_key(['page_id', 'discord_id']) }} as page_member_id,
        page_id,
        discord_id,
        max(patrol_hours) as patrol_hours,
        max(observed_at) as observed_at
    from users
    group by page_id, discord_id

)

select * from final
