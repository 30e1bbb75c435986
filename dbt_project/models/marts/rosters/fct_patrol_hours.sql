{{ config(
    materialized='incremental',
    unique_key='patrol_hours_key',
    on_schema_change='append_new_columns',
) }}

with periods as (

    select * from {{ ref('int_patrol_hour_periods') }}

),

page_reads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

read_days as (

    select
        page_id,
        {{ reporting_day('observed_at') }} as date_day,
        min(observed_at) as first_read_at,
        max(observed_at) as last_read_at
    from page_reads
    group by page_id, {{ reporting_day('observed_at') }}

),

{% if builds_on_itself() -%}
built as (

    select
        page_key,
        max(last_read_at) as last_read_at
    from {{ this }}
    group by page_key

),

-- A page's day is counted anew when the page was read since.
page_days as (

    select read_days.*
    from read_days
    left join built on {{ surrogate_key(['read_days.page_id']) }} = built.page_key
    where
        built.last_read_at is null
        or read_days.last_read_at > built.last_read_at

),
{%- else -%}
    page_days as (

        select * from read_days

    ),
{%- endif %}

reads_before as (

    select
        page_id,
        observed_at,
        lag(observed_at) over (
            partition by page_id
            order by observed_at
        ) as previous_read_at
    from page_reads

),

sequenced as (

    select
        *,
        lag(patrol_hours) over (
            partition by page_id, discord_id
            order by valid_from
        ) as previous_hours,
        lag(valid_from) over (
            partition by page_id, discord_id
            order by valid_from
        ) as previous_valid_from,
        lag(valid_to) over (
            partition by page_id, discord_id
            order by valid_from
        ) as previous_valid_to
    from periods

),

timed as (

    select
        sequenced.*,
        {{ reporting_day('sequenced.valid_from') }} as valid_from_day,
        cast(
            coalesce(reads_before.previous_read_at, sequenced.previous_valid_from)
            as date
        ) as previous_day
    from sequenced
    left join reads_before
        on
            sequenced.page_id = reads_before.page_id
            and sequenced.valid_from = reads_before.observed_at

),

passed as (

    select
        *,
        {{ dbt.datediff('previous_day', 'valid_from_day', 'day') }}
            as days_passed
    from timed

),

bounded as (

    select
        *,
        case when days_passed > 1 then 24 * days_passed else 24 end as possible_hours
    from passed

),

-- Nobody patrols more than 24 hours a day: a total that rose by more was corrected, and
-- so was one that fell to more than can be new, or by a tenth at most. Otherwise hours
-- that fall were reset to zero. Who was away in between has no previous read.
gains as (

    select
        page_id,
        discord_id,
        patrol_hours,
        valid_from,
        valid_to,
        case
            when previous_valid_to < valid_from then null
            when
                patrol_hours < previous_hours
                and (
                    patrol_hours > possible_hours
                    or patrol_hours * 10 >= previous_hours * 9
                )
                then 0
            when patrol_hours < previous_hours then patrol_hours
            when patrol_hours - previous_hours > possible_hours then possible_hours
            else patrol_hours - previous_hours
        end as hours_gained
    from bounded

),

-- Every read of the day adds what it saw gained; the last one tells the total.
listed as (

    select
        gains.page_id,
        gains.discord_id,
        page_days.date_day,
        gains.patrol_hours,
        page_days.last_read_at,
        sum(
            case
                when gains.valid_from >= page_days.first_read_at
                    then gains.hours_gained
                when gains.patrol_hours is not null then 0
            end
        ) over (
            partition by gains.page_id, gains.discord_id, page_days.date_day
        ) as hours_gained,
        row_number() over (
            partition by gains.page_id, gains.discord_id, page_days.date_day
            order by gains.valid_from desc
        ) as recency
    from gains
    inner join page_days
        on
            gains.page_id = page_days.page_id
            and gains.valid_from <= page_days.last_read_at
            and (
                gains.valid_to > page_days.first_read_at
                or gains.valid_to is null
            )

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'date_day']) }}
            as patrol_hours_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        date_day,
        cast(patrol_hours as decimal(18, 4)) as hours_total,
        cast(hours_gained as decimal(18, 4)) as hours_gained,
        last_read_at
    from listed
    where recency = 1

)

select * from final
