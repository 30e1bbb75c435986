with assignments as (

    select * from {{ ref('int_rank_assignments') }}

),

-- How long the member was on the page, in whatever rank, before each period began.
compared as (

    select
        page_id,
        discord_id,
        role_id,
        valid_from,
        valid_to,
        max(coalesce(valid_to, {{ end_of_time() }})) over (
            partition by page_id, discord_id
            order by valid_from, coalesce(valid_to, {{ end_of_time() }}), role_id
            rows between unbounded preceding and 1 preceding
        ) as present_until
    from assignments

),

numbered as (

    select
        *,
        sum(case when valid_from <= present_until then 0 else 1 end) over (
            partition by page_id, discord_id
            order by valid_from, coalesce(valid_to, {{ end_of_time() }}), role_id
            rows between unbounded preceding and current row
        ) as stay_number
    from compared

),

stays as (

    select
        page_id,
        discord_id,
        stay_number,
        min(valid_from) as joined_at,
        case
            when count(*) = count(valid_to) then max(valid_to)
        end as left_at
    from numbered
    group by page_id, discord_id, stay_number

),

page_reads as (

    select
        page_id,
        observed_at,
        outcome,
        lag(outcome) over (
            partition by page_id
            order by observed_at
        ) as previous_outcome
    from {{ ref('stg_autorosters__page_loads') }}

),

-- The first read of a page, or the first after its retirement, finds whom it finds.
first_reads as (

    select
        page_id,
        observed_at as first_read_at
    from page_reads
    where
        outcome = 'loaded'
        and coalesce(previous_outcome, 'retired') = 'retired'

),

-- Who was there before history knows of any read did not join either.
earliest_reads as (

    select
        page_id,
        min(observed_at) as earliest_read_at
    from page_reads
    group by page_id

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
        {{ surrogate_key(['stays.page_id', 'stays.discord_id', 'stays.joined_at']) }}
            as page_membership_id,
        stays.page_id,
        stays.discord_id,
        stays.joined_at,
        stays.left_at,
        stays.left_at is null as is_current,
        first_reads.page_id is not null
        or stays.joined_at <= earliest_reads.earliest_read_at
            as was_there_before,
        retirements.page_id is not null as left_with_page
    from stays
    left join first_reads
        on
            stays.page_id = first_reads.page_id
            and stays.joined_at = first_reads.first_read_at
    left join earliest_reads on stays.page_id = earliest_reads.page_id
    left join retirements
        on
            stays.page_id = retirements.page_id
            and stays.left_at = retirements.retired_at

)

select * from final
