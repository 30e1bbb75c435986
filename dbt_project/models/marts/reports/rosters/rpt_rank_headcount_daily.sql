with page_days as (

    select
        *,
        {{ surrogate_key(['page_id']) }} as page_key
    from {{ ref('int_page_days') }}

),

assignments as (

    select * from {{ ref('fct_rank_assignments') }}

),

counted as (

    select
        page_days.page_key,
        assignments.rank_key,
        page_days.date_day,
        page_days.is_stale,
        page_days.last_read_at,
        count(distinct assignments.member_key) as headcount
    from page_days
    inner join assignments
        on
            page_days.page_key = assignments.page_key
            and page_days.date_day >= {{ reporting_day('assignments.valid_from') }}
            and (
                page_days.date_day < {{ reporting_day('assignments.valid_to') }}
                or assignments.valid_to is null
            )
    group by
        page_days.page_key,
        assignments.rank_key,
        page_days.date_day,
        page_days.is_stale,
        page_days.last_read_at

),

final as (

    select
        {{ surrogate_key(['rank_key', 'date_day']) }} as rank_headcount_key,
        rank_key,
        page_key,
        date_day,
        is_stale,
        last_read_at,
        headcount
    from counted

)

select * from final
