with page_reads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

pages as (

    select * from {{ ref('int_roster_pages') }}

),

versions as (

    select * from {{ ref('stg_autorosters__pages_versions') }}

),

titles as (

    {{ periods('versions', ['page_id'], ['page_title']) }}

),

numbered_titles as (

    select
        *,
        row_number() over (
            partition by page_id
            order by valid_from
        ) as place,
        row_number() over (
            partition by page_id
            order by valid_from desc
        ) as recency
    from titles

),

latest_titles as (

    select
        page_id,
        page_title
    from {{ ref('stg_autorosters__pages') }}

),

api_reads as (

    select {{ reporting_day('max(observed_at)') }} as last_api_day
    from page_reads

),

spans as (

    select
        page_id,
        min(observed_at) as first_read_at,
        {{ reporting_day('min(observed_at)') }} as first_day,
        {{ reporting_day('max(observed_at)') }} as last_day
    from page_reads
    group by page_id

),

-- A page that can no longer be read stays as it was, until it is retired.
shown_spans as (

    select
        spans.page_id,
        spans.first_read_at,
        spans.first_day,
        spans.last_day,
        case
            when coalesce(pages.is_retired, false) then spans.last_day
            else api_reads.last_api_day
        end as last_shown_day
    from spans
    cross join api_reads
    left join pages on spans.page_id = pages.page_id

),

read_days as (

    select
        page_id,
        {{ reporting_day('observed_at') }} as date_day,
        max(observed_at) as last_read_at
    from page_reads
    group by page_id, {{ reporting_day('observed_at') }}

),

days as (

    select
        spans.page_id,
        spans.first_read_at,
        dates.date_day,
        read_days.page_id is not null as was_read,
        dates.date_day = spans.last_day as is_last_day,
        dates.date_day > spans.last_day as is_stale,
        max(read_days.last_read_at) over (
            partition by spans.page_id
            order by dates.date_day
            rows between unbounded preceding and current row
        ) as last_read_at
    from shown_spans as spans
    inner join {{ ref('dim_dates') }} as dates
        on
            spans.first_day <= dates.date_day
            and spans.last_shown_day >= dates.date_day
    left join read_days
        on
            spans.page_id = read_days.page_id
            and dates.date_day = read_days.date_day

),

-- The first title that is known was the page's before, too.
titled as (

    select
        days.*,
        coalesce(numbered_titles.page_title, latest_titles.page_title) as page_title
    from days
    left join numbered_titles
        on
            days.page_id = numbered_titles.page_id
            and (
                days.date_day >= {{ reporting_day('numbered_titles.valid_from') }}
                or numbered_titles.place = 1
            )
            and (
                days.date_day < {{ reporting_day('numbered_titles.valid_to') }}
                or numbered_titles.recency = 1
            )
    left join latest_titles on days.page_id = latest_titles.page_id

),

-- What a first read finds has nothing to be compared with, and what happens on a day
-- without a read is found by the next one.
final as (

    select
        {{ surrogate_key(['page_id', 'date_day']) }} as page_day_id,
        page_id,
        page_title,
        date_day,
        was_read,
        is_last_day,
        is_stale,
        last_read_at,
        was_read and last_read_at > first_read_at as is_movement_known
    from titled

)

select * from final
