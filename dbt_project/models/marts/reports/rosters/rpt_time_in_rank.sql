with assignments as (

    select * from {{ ref('fct_rank_assignments') }}
    where is_current

),

summed as (

    select
        rank_key,
        page_key,
        count(*) as member_count,
        count(days_in_rank) as known_count,
        avg(days_in_rank) as average_days,
        min(days_in_rank) as shortest_days,
        max(days_in_rank) as longest_days
    from assignments
    group by rank_key, page_key

),

final as (

    select
        rank_key,
        page_key,
        member_count,
        known_count,
        cast(average_days as {{ raw_type('double') }}) as average_days,
        cast(shortest_days as {{ dbt.type_bigint() }}) as shortest_days,
        cast(longest_days as {{ dbt.type_bigint() }}) as longest_days
    from summed

)

select * from final
