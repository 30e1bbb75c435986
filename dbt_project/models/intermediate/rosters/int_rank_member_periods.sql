with versions as (

    select * from {{ ref('stg_autorosters__users_versions') }}

),

periods as (

    {{ periods(
        'versions',
        ['page_id', 'role_id', 'discord_id'],
        ['promotion_date', 'promotion_officer'],
        ['member_name', 'discord_username']
    ) }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id', 'discord_id', 'valid_from']) }}
            as rank_member_period_id,
        page_id,
        role_id,
        discord_id,
        promotion_date,
        promotion_officer,
        member_name,
        discord_username,
        valid_from,
        valid_to
    from periods

)

select * from final
