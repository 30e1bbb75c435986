with page_days as (

    select * from {{ ref('int_page_days') }}

),

assignments as (

    select * from {{ ref('int_rank_assignments') }}

),

counted as (

    select
        page_days.page_id,
        assignments.role_id,
        page_days.date_day,
        page_days.is_stale,
        page_days.last_read_at,
        count(distinct assignments.discord_id) as headcount
    from page_days
    inner join assignments
        on
            page_days.page_id = assignments.page_id
            and page_days.date_day >= cast(assignments.valid_from as date)
            and (
                page_days.date_day < cast(assignments.valid_to as date)
                or assignments.valid_to is null
            )
    group by
        page_days.page_id,
        assignments.role_id,
        page_days.date_day,
        page_days.is_stale,
        page_days.last_read_at

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id', 'date_day']) }}
            as rank_headcount_key,
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        date_day,
        is_stale,
        last_read_at,
        headcount
    from counted

)

select * from final
