with retired_pages as (

    select * from {{ ref('int_roster_pages') }}
    where is_retired

),

certifications as (

    select listed.*
    from {{ ref('stg_autorosters__user_certifications') }} as listed
    left join retired_pages on listed.page_id = retired_pages.page_id
    where retired_pages.page_id is null

),

final as (

    select
        member_certification_id,
        page_id,
        discord_id,
        certification,
        observed_at
    from certifications

)

select * from final
