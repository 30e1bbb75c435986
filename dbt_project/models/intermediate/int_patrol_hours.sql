with retired_pages as (

    select * from {{ ref('int_roster_pages') }}
    where is_retired

),

users as (

    select listed.*
    from {{ ref('stg_autorosters__users') }} as listed
    left join retired_pages on listed.page_id = retired_pages.page_id
    where retired_pages.page_id is null

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
