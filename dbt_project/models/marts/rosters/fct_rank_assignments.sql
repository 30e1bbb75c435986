with assignments as (

    select * from {{ ref('int_rank_assignments') }}

),

final as (

    select
        rank_assignment_id as rank_assignment_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        promotion_date,
        {{ pii('promotion_officer') }} as promotion_officer,
        change_type,
        held_since,
        cast(days_in_rank as {{ dbt.type_bigint() }}) as days_in_rank,
        valid_from,
        valid_to,
        is_current,
        end_reason
    from assignments

)

select * from final
