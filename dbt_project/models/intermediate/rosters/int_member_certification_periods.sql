with versions as (

    select * from {{ ref('stg_autorosters__user_certifications_versions') }}

),

periods as (

    {{ periods(
        'versions',
        ['page_id', 'discord_id', 'certification'],
        [],
        []
    ) }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'certification', 'valid_from']) }}
            as member_certification_period_id,
        page_id,
        discord_id,
        certification,
        valid_from,
        valid_to
    from periods

)

select * from final
