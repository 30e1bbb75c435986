with retired_pages as (

    select * from {{ ref('int_roster_pages') }}
    where is_retired

),

subdivisions as (

    select listed.*
    from {{ ref('stg_autorosters__user_subdivisions') }} as listed
    left join retired_pages on listed.page_id = retired_pages.page_id
    where retired_pages.page_id is null

),

final as (

    select
        member_subdivision_id,
        page_id,
        discord_id,
        subdivision,
        observed_at
    from subdivisions

)

select * from final
