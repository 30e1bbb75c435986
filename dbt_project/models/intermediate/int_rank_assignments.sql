with history as (

    select * from {{ ref('snap_rank_members') }}

),

page_loads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

ranks as (

    select * from {{ ref('snap_ranks') }}

),

-- A rank keeps its last known seniority, also when it is gone.
latest_ranks as (

    select
        page_id,
        role_id,
        seniority_order,
        row_number() over (
            partition by page_id, role_id
            order by dbt_valid_from desc
        ) as recency
    from ranks

),

periods as (

    select
        history.page_id,
        history.role_id,
        history.discord_id,
        history.promotion_date,
        history.promotion_officer,
        latest_ranks.seniority_order,
        history.dbt_valid_from as valid_from,
        case
            when history.dbt_valid_to is not null
                then {{ page_period_end('history', 'page_loads') }}
        end as valid_to
    from history
    left join latest_ranks
        on
            history.page_id = latest_ranks.page_id
            and history.role_id = latest_ranks.role_id
            and latest_ranks.recency = 1

),

sequenced as (

    select
        *,
        lag(role_id) over member_on_page as previous_role_id,
        lag(seniority_order) over member_on_page as previous_seniority_order,
        lag(valid_to) over member_on_page as previous_valid_to
    from periods
    window member_on_page as (
        partition by page_id, discord_id
        order by valid_from asc, seniority_order desc
    )

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id', 'discord_id', 'valid_from']) }}
            as rank_assignment_id,
        page_id,
        role_id,
        discord_id,
        promotion_date,
        promotion_officer,
        seniority_order,
        valid_from,
        valid_to,
        valid_to is null as is_current,
        case
            when previous_role_id is null then 'joined'
            when previous_valid_to < valid_from then 'rejoined'
            when previous_valid_to is null or previous_valid_to > valid_from
                then 'added'
            when role_id = previous_role_id then 'renewed'
            when seniority_order < previous_seniority_order then 'promoted'
            else 'demoted'
        end as change_type
    from sequenced

)

select * from final
