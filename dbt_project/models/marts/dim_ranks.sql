with ranks as (

    select * from {{ ref('snap_ranks') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by page_rank_id
            order by dbt_valid_from desc
        ) as recency
    from ranks

),

final as (

    select
        page_rank_id as rank_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        page_id,
        role_id,
        rank_name,
        is_command,
        seniority_order,
        dbt_valid_to is null as is_current
    from ranked
    where recency = 1

)

select * from final
