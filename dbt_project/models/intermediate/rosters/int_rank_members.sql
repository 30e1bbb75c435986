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

final as (

    select
        rank_member_id,
        page_id,
        role_id,
        discord_id,
        member_name,
        discord_username,
        promotion_date,
        promotion_officer,
        observed_at
    from users

)

select * from final
