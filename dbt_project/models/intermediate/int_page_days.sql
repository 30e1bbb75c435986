with page_reads as (

    select * from {{ ref('int_page_reads') }}

),

spans as (

    select
        page_id,
        cast(min(observed_at) as date) as first_day,
        cast(max(observed_at) as date) as last_day
    from page_reads
    group by page_id

),

read_days as (

    select distinct
        page_id,
        cast(observed_at as date) as date_day
    from page_reads

),

final as (

    select
        {{ surrogate_key(['spans.page_id', 'dates.date_day']) }} as page_day_id,
        spans.page_id,
        dates.date_day,
        read_days.page_id is not null as was_read,
        dates.date_day = spans.last_day as is_last_day
    from spans
    inner join {{ ref('dim_dates') }} as dates
        on
            spans.first_day <= dates.date_day
            and spans.last_day >= dates.date_day
    left join read_days
        on
            spans.page_id = read_days.page_id
            and dates.date_day = read_days.date_day

)

select * from final
