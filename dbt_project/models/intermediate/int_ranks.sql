with retired_pages as (

    select * from {{ ref('int_roster_pages') }}
    where is_retired

),

ranks as (

    select listed.*
    from {{ ref('stg_autorosters__ranks') }} as listed
    left join retired_pages on listed.page_id = retired_pages.page_id
    where retired_pages.page_id is null

),

final as (

    select
        page_rank_id,
        page_id,
        role_id,
        rank_name,
        is_command,
        seniority_order,
        observed_at
    from ranks

)

select * from final
