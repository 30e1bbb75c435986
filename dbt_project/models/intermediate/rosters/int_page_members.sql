with assignments as (

    select * from {{ ref('int_rank_assignments') }}
    where is_current

),

stays as (

    select * from {{ ref('int_page_memberships') }}
    where is_current

),

requirements as (

    select * from {{ ref('int_rank_requirements') }}

),

-- Of several ranks the most senior one speaks for the member.
ranked as (

    select
        *,
        row_number() over (
            partition by page_id, discord_id
            order by seniority_order, role_id
        ) as place
    from assignments

),

final as (

    select
        {{ surrogate_key(['ranked.page_id', 'ranked.discord_id']) }}
            as page_member_id,
        ranked.page_id,
        ranked.discord_id,
        ranked.role_id,
        stays.joined_at,
        requirements.required_hours
    from ranked
    inner join stays
        on
            ranked.page_id = stays.page_id
            and ranked.discord_id = stays.discord_id
    left join requirements
        on
            ranked.page_id = requirements.page_id
            and ranked.role_id = requirements.role_id
            and requirements.valid_to is null
    where ranked.place = 1

)

select * from final
