with page_loads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by page_id
            order by observed_at desc
        ) as recency
    from page_loads

),

spans as (

    select
        page_id,
        min(observed_at) as first_read_at,
        max(case when outcome = 'loaded' then observed_at end) as last_read_at
    from page_loads
    group by page_id

),

final as (

    select
        ranked.page_id,
        ranked.outcome = 'retired' as is_retired,
        case when ranked.outcome = 'retired' then ranked.observed_at end
            as retired_at,
        ranked.member_count,
        ranked.rank_count,
        spans.first_read_at,
        spans.last_read_at
    from ranked
    inner join spans on ranked.page_id = spans.page_id
    where ranked.recency = 1

)

select * from final
