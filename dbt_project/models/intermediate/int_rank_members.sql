with users as (

    select * from {{ ref('stg_autorosters__users') }}

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
