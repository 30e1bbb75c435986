with history as (

    select * from {{ ref('int_rank_member_periods') }}

),

page_reads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

ranks as (

    select * from {{ ref('int_rank_periods') }}

),

-- A rank whose role vanished when another of its name appeared was made anew.
appeared as (

    select
        ranks.page_id,
        ranks.role_id,
        {{ normalized('ranks.rank_name') }} as rank_name_key,
        ranks.valid_from as made_at,
        row_number() over (
            partition by
                ranks.page_id, ranks.valid_from, {{ normalized('ranks.rank_name') }}
            order by ranks.seniority_order, ranks.role_id
        ) as place
    from ranks
    left join ranks as earlier
        on
            ranks.page_id = earlier.page_id
            and ranks.role_id = earlier.role_id
            and ranks.valid_from = earlier.valid_to
    where earlier.role_id is null

),

vanished as (

    select
        ranks.page_id,
        ranks.role_id,
        {{ normalized('ranks.rank_name') }} as rank_name_key,
        ranks.valid_to as gone_at,
        row_number() over (
            partition by
                ranks.page_id, ranks.valid_to, {{ normalized('ranks.rank_name') }}
            order by ranks.seniority_order, ranks.role_id
        ) as place
    from ranks
    left join ranks as later
        on
            ranks.page_id = later.page_id
            and ranks.role_id = later.role_id
            and ranks.valid_to = later.valid_from
    where
        ranks.valid_to is not null
        and later.role_id is null

),

made_anew as (

    select
        appeared.page_id,
        appeared.role_id,
        appeared.made_at,
        vanished.role_id as former_role_id
    from appeared
    inner join vanished
        on
            appeared.page_id = vanished.page_id
            and appeared.made_at = vanished.gone_at
            and appeared.rank_name_key = vanished.rank_name_key
            and appeared.place = vanished.place

),

-- The order of ranks when the period began, and when it ended.
periods as (

    select
        history.page_id,
        history.role_id,
        history.discord_id,
        history.promotion_date,
        history.promotion_officer,
        history.valid_from,
        history.valid_to,
        first_ranks.seniority_order as first_seniority_order,
        last_ranks.seniority_order,
        coalesce({{ normalized('first_ranks.rank_name') }}, history.role_id)
            as rank_name_key
    from history
    left join ranks as first_ranks
        on
            history.page_id = first_ranks.page_id
            and history.role_id = first_ranks.role_id
            and history.valid_from >= first_ranks.valid_from
            and (
                history.valid_from < first_ranks.valid_to
                or first_ranks.valid_to is null
            )
    left join ranks as last_ranks
        on
            history.page_id = last_ranks.page_id
            and history.role_id = last_ranks.role_id
            and (
                history.valid_to > last_ranks.valid_from
                or history.valid_to is null
            )
            and (
                history.valid_to <= last_ranks.valid_to
                or last_ranks.valid_to is null
            )

),

-- The same rank held on: a new promotion date or officer, or the rank made anew.
beginnings as (

    select
        periods.*,
        earlier.role_id as renewed_role_id,
        earlier.role_id is not null as is_renewal
    from periods
    left join made_anew
        on
            periods.page_id = made_anew.page_id
            and periods.role_id = made_anew.role_id
            and periods.valid_from = made_anew.made_at
    left join periods as earlier
        on
            periods.page_id = earlier.page_id
            and periods.discord_id = earlier.discord_id
            and coalesce(made_anew.former_role_id, periods.role_id) = earlier.role_id
            and periods.valid_from = earlier.valid_to
            and periods.valid_from > earlier.valid_from

),

ranks_taken as (

    select
        *,
        row_number() over (
            partition by page_id, discord_id, valid_from
            order by first_seniority_order desc, role_id asc
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
            and periods.role_id = renewals.renewed_role_id
            and periods.valid_to = renewals.valid_from
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

-- A rank taken when another was given up is a move; with several, the nth of each. The
-- two are compared as the page lists both, after the move or else before it.
compared as (

    select
        beginnings.*,
        ranks_taken.place,
        ranks_given_up.role_id as previous_role_id,
        ranks_given_up.seniority_order as previous_seniority_order,
        previous_now.seniority_order as previous_order_now,
        rank_before.seniority_order as order_before,
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
    left join ranks as previous_now
        on
            ranks_given_up.page_id = previous_now.page_id
            and ranks_given_up.role_id = previous_now.role_id
            and ranks_given_up.valid_to >= previous_now.valid_from
            and (
                ranks_given_up.valid_to < previous_now.valid_to
                or previous_now.valid_to is null
            )
    left join ranks as rank_before
        on
            ranks_given_up.page_id = rank_before.page_id
            and ranks_taken.role_id = rank_before.role_id
            and ranks_given_up.valid_to > rank_before.valid_from
            and (
                ranks_given_up.valid_to <= rank_before.valid_to
                or rank_before.valid_to is null
            )
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

-- The first read of a page, or the first after its retirement, finds whom it finds.
ordered_reads as (

    select
        page_id,
        observed_at,
        row_number() over (
            partition by page_id
            order by observed_at
        ) as place,
        lag(outcome) over (
            partition by page_id
            order by observed_at
        ) as previous_outcome
    from page_reads

),

first_reads as (

    select
        page_id,
        observed_at as first_read_at
    from ordered_reads
    where
        place = 1
        or previous_outcome = 'retired'

),

read_spans as (

    select
        page_id,
        min(observed_at) as earliest_read_at,
        {{ reporting_day('max(observed_at)') }} as last_read_day
    from page_reads
    group by page_id

),

-- A rank held on is held from the beginning of its first period, also when it was made
-- anew in between, or renamed.
numbered as (

    select
        *,
        {%- for column in ['role_id', 'rank_name_key'] %}
            sum(case when is_renewal then 0 else 1 end) over (
                partition by page_id, discord_id, {{ column }}
                order by valid_from
                rows between unbounded preceding and current row
            ) as {{ column }}_holding,
        {%- endfor %}
        case
            when first_seniority_order is null then null
            when previous_order_now is not null
                then first_seniority_order - previous_order_now
            when order_before is not null
                then order_before - previous_seniority_order
            else first_seniority_order - previous_seniority_order
        end as steps_down
    from compared

),

holdings_by_rank as (

    select
        {%- for column in ['role_id', 'rank_name_key'] %}
            min(valid_from) over (
                partition by
                    page_id, discord_id, {{ column }}, {{ column }}_holding
            ) as {{ column }}_held_from,
        {%- endfor %}
        *
    from numbered

),

holdings as (

    select
        *,
        case
            when rank_name_key_held_from < role_id_held_from
                then rank_name_key_held_from
            else role_id_held_from
        end as held_from
    from holdings_by_rank

),

-- The page says when a member was promoted, which may be long before the first read. A
-- date in the future says nothing; and nobody knows how long a rank was held that the
-- first read found.
dated as (

    select
        holdings.*,
        read_spans.last_read_day,
        case
            when holdings.promotion_date <= read_spans.last_read_day
                then holdings.promotion_date
            when
                first_reads.page_id is null
                and holdings.held_from > read_spans.earliest_read_at
                then {{ reporting_day('holdings.held_from') }}
        end as held_since
    from holdings
    left join read_spans on holdings.page_id = read_spans.page_id
    left join first_reads
        on
            holdings.page_id = first_reads.page_id
            and holdings.held_from = first_reads.first_read_at

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
        compared.held_since,
        {{ dbt.datediff(
            'compared.held_since',
            'coalesce(' ~ reporting_day('compared.valid_to') ~ ', compared.last_read_day)',
            'day',
        ) }} as days_in_rank,
        compared.last_read_day,
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
            when compared.is_move and compared.steps_down < 0 then 'promoted'
            when compared.is_move and compared.steps_down > 0 then 'demoted'
            when compared.is_move then 'lateral'
            when compared.was_present or compared.place > 1 then 'added'
            when compared.was_present is not null then 'rejoined'
            else 'joined'
        end as change_type
    from dated as compared
    left join retirements
        on
            compared.page_id = retirements.page_id
            and compared.valid_to = retirements.retired_at

)

select * from final
