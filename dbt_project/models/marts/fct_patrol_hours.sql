{{ config(
    materialized='incremental',
    unique_key='patrol_hours_key',
    on_schema_change='append_new_columns',
) }}

with history as (

    select * from {{ ref('snap_patrol_hours') }}

),

page_reads as (

    select * from {{ ref('int_page_reads') }}

),

ended as (

    {{ period_ends('history', 'page_reads') }}

),

read_days as (

    select
        page_id,
        cast(observed_at as date) as date_day,
        min(observed_at) as first_read_at,
        max(observed_at) as last_read_at
    from page_reads
    group by page_id, cast(observed_at as date)

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

periods as (

    select
        history.page_id,
        history.discord_id,
        history.patrol_hours,
        history.dbt_valid_from as valid_from,
        coalesce(ended.valid_to, history.dbt_valid_to) as valid_to
    from history
    left join ended on history.dbt_scd_id = ended.dbt_scd_id

),

sequenced as (

    select
        *,
        lag(patrol_hours) over (
            partition by page_id, discord_id
            order by valid_from
        ) as previous_hours,
        lag(valid_to) over (
            partition by page_id, discord_id
            order by valid_from
        ) as previous_valid_to
    from periods

),

-- Hours that fall were reset to zero; who was away in between has no previous read.
gains as (

    select
        page_id,
        discord_id,
        patrol_hours,
        valid_from,
        valid_to,
        case
            when previous_valid_to < valid_from then null
            when patrol_hours < previous_hours then patrol_hours
            else patrol_hours - previous_hours
        end as hours_gained
    from sequenced

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
