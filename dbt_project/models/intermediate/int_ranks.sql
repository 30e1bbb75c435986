with ranks as (

    select * from {{ ref('stg_autorosters__ranks') }}

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
