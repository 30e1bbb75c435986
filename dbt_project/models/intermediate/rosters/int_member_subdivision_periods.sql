with versions as (

    select * from {{ ref('stg_autorosters__user_subdivisions_versions') }}

),

periods as (

    {{ periods(
        'versions',
        ['page_id', 'discord_id', 'subdivision'],
        [],
        []
    ) }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'subdivision', 'valid_from']) }}
            as member_subdivision_period_id,
        page_id,
        discord_id,
        subdivision,
        valid_from,
        valid_to
    from periods

)

select * from final
