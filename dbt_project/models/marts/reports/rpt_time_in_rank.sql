with assignments as (

    select * from {{ ref('int_rank_assignments') }}
    where is_current

),

last_days as (

    select
        page_id,
        date_day as last_day
    from {{ ref('int_page_days') }}
    where is_last_day

),

-- The page tells when a member was promoted, which may be long before the first read.
held as (

    select
        assignments.page_id,
        assignments.role_id,
        {{ dbt.datediff(
            'coalesce(assignments.promotion_date, cast(assignments.valid_from as date))',
            'last_days.last_day',
            'day',
        ) }} as days_in_rank
    from assignments
    inner join last_days on assignments.page_id = last_days.page_id

),

summed as (

    select
        page_id,
        role_id,
        count(*) as member_count,
        avg(days_in_rank) as average_days,
        min(days_in_rank) as shortest_days,
        max(days_in_rank) as longest_days
    from held
    group by page_id, role_id

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        member_count,
        cast(average_days as {{ raw_type('double') }}) as average_days,
        cast(shortest_days as {{ dbt.type_bigint() }}) as shortest_days,
        cast(longest_days as {{ dbt.type_bigint() }}) as longest_days
    from summed

)

select * from final
