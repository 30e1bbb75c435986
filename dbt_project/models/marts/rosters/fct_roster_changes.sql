with changes as (

    select * from {{ ref('int_roster_changes') }}

),

final as (

    select
        roster_change_id as roster_change_key,
        change_type,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        {{ or_none(surrogate_key(['from_page_id'])) }} as from_page_key,
        {{ or_none(surrogate_key(['page_id', 'role_id'])) }} as rank_key,
        {{ or_none(
            surrogate_key(['coalesce(from_page_id, page_id)', 'from_role_id'])
        ) }} as from_rank_key,
        {{ pii('promotion_officer') }} as promotion_officer,
        qualification,
        date_day,
        changed_at
    from changes

)

select * from final
