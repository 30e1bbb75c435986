with assignments as (

    select
        *,
        lead(valid_from) over (
            partition by page_id, role_id, discord_id
            order by valid_from
        ) as next_valid_from
    from {{ ref('int_rank_assignments') }}

),

final as (

    select *
    from assignments
    where
        next_valid_from < valid_to
        or (next_valid_from is not null and valid_to is null)

)

select * from final
