with versions as (

    select * from {{ ref('stg_autorosters__ranks_versions') }}

),

periods as (

    {{ periods(
        'versions',
        ['page_id', 'role_id'],
        ['rank_name', 'is_command', 'seniority_order'],
        []
    ) }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id', 'valid_from']) }}
            as rank_period_id,
        page_id,
        role_id,
        rank_name,
        is_command,
        seniority_order,
        valid_from,
        valid_to
    from periods

)

select * from final
