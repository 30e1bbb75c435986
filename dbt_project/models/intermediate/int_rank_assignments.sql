with history as (

    select * from {{ ref('snap_rank_members') }}

),

page_reads as (

    select * from {{ ref('int_page_reads') }}

),

ended as (

    {{ period_ends('history', 'page_reads') }}

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
        coalesce(ended.valid_to, history.dbt_valid_to) as valid_to
    from history
    left join ended on history.dbt_scd_id = ended.dbt_scd_id
    left join latest_ranks
        on
            history.page_id = latest_ranks.page_id
            and history.role_id = latest_ranks.role_id
            and latest_ranks.recency = 1

),

-- The same rank held on: a new promotion date or officer, and nothing else.
beginnings as (

    select
        periods.*,
        earlier.role_id is not null as is_renewal
    from periods
    left join periods as earlier
        on
            periods.page_id = earlier.page_id
            and periods.discord_id = earlier.discord_id
            and periods.role_id = earlier.role_id
            and periods.valid_from = earlier.valid_to
            and periods.valid_from > earlier.valid_from

),

ranks_taken as (

    select
        *,
        row_number() over (
            partition by page_id, discord_id, valid_from
            order by seniority_order desc, role_id asc
        ) as place
    from beginnings
    where not is_renewal

),

ranks_given_up as (

    select
        periods.page_id,
        periods.discord_id,
        periods.role_id,
        periods.valid_to,
        periods.seniority_order,
        row_number() over (
            partition by periods.page_id, periods.discord_id, periods.valid_to
            order by periods.seniority_order desc, periods.role_id asc
        ) as place
    from periods
    left join beginnings as renewals
        on
            periods.page_id = renewals.page_id
            and periods.discord_id = renewals.discord_id
            and periods.role_id = renewals.role_id
            and periods.valid_to = renewals.valid_from
            and renewals.is_renewal
    where
        periods.valid_to is not null
        and renewals.role_id is null

),

-- What the member held before the period began, in whatever rank.
held_before as (

    select
        periods.page_id,
        periods.role_id,
        periods.discord_id,
        periods.valid_from,
        max(
            case
                when
                    earlier.valid_to is null
                    or earlier.valid_to >= periods.valid_from
                    then 1
                else 0
            end
        ) = 1 as was_present
    from periods
    inner join periods as earlier
        on
            periods.page_id = earlier.page_id
            and periods.discord_id = earlier.discord_id
            and periods.valid_from > earlier.valid_from
    group by
        periods.page_id,
        periods.role_id,
        periods.discord_id,
        periods.valid_from

),

-- A rank taken when another was given up is a move; with several, the nth of each.
compared as (

    select
        beginnings.*,
        ranks_taken.place,
        ranks_given_up.role_id as previous_role_id,
        ranks_given_up.seniority_order as previous_seniority_order,
        ranks_given_up.place is not null as is_move,
        held_before.was_present
    from beginnings
    left join ranks_taken
        on
            beginnings.page_id = ranks_taken.page_id
            and beginnings.discord_id = ranks_taken.discord_id
            and beginnings.role_id = ranks_taken.role_id
            and beginnings.valid_from = ranks_taken.valid_from
    left join ranks_given_up
        on
            ranks_taken.page_id = ranks_given_up.page_id
            and ranks_taken.discord_id = ranks_given_up.discord_id
            and ranks_taken.valid_from = ranks_given_up.valid_to
            and ranks_taken.place = ranks_given_up.place
    left join held_before
        on
            beginnings.page_id = held_before.page_id
            and beginnings.discord_id = held_before.discord_id
            and beginnings.role_id = held_before.role_id
            and beginnings.valid_from = held_before.valid_from

),

retirements as (

    select
        page_id,
        observed_at as retired_at
    from page_reads
    where outcome = 'retired'

),

final as (

    select
        {{ surrogate_key([
            'compared.page_id',
            'compared.role_id',
            'compared.discord_id',
            'compared.valid_from',
        ]) }} as rank_assignment_id,
        compared.page_id,
        compared.role_id,
        compared.discord_id,
        compared.promotion_date,
        compared.promotion_officer,
        compared.seniority_order,
        compared.previous_role_id,
        compared.valid_from,
        compared.valid_to,
        compared.valid_to is null as is_current,
        case
            when retirements.page_id is not null then 'page retired'
            when compared.valid_to is not null then 'not listed'
        end as end_reason,
        case
            when compared.is_renewal then 'renewed'
            when
                compared.is_move
                and compared.seniority_order < compared.previous_seniority_order
                then 'promoted'
            when compared.is_move then 'demoted'
            when compared.was_present or compared.place > 1 then 'added'
            when compared.was_present is not null then 'rejoined'
            else 'joined'
        end as change_type
    from compared
    left join retirements
        on
            compared.page_id = retirements.page_id
            and compared.valid_to = retirements.retired_at

)

select * from final
