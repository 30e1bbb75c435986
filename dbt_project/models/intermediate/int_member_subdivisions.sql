with subdivisions as (

    select * from {{ ref('stg_autorosters__user_subdivisions') }}

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
