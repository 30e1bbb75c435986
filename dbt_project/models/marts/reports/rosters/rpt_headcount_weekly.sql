with days as (

    select
        *,
        cast({{ dbt.date_trunc('week', 'date_day') }} as date) as week_start_day,
        row_number() over (
            partition by page_key, {{ dbt.date_trunc('week', 'date_day') }}
            order by date_day desc
        ) as place_from_end
    from {{ ref('rpt_page_daily') }}

),

summed as (

    select
        page_key,
        week_start_day,
        max(case when place_from_end = 1 then headcount end) as headcount,
        max(case when place_from_end = 1 then command_count end) as command_count,
        count(joined_count) as known_day_count,
        {%- for movement in [
            'joined',
            'left',
            'transferred_in',
            'transferred_out',
            'promoted',
            'demoted',
        ] %}
            sum({{ movement }}_count) as {{ movement }}_count,
        {%- endfor %}
        sum(hours_gained) as hours_gained
    from days
    group by page_key, week_start_day

),

final as (

    select
        {{ surrogate_key(['page_key', 'week_start_day']) }} as headcount_week_key,
        page_key,
        week_start_day,
        lag(headcount) over (partition by page_key order by week_start_day)
            as headcount_before,
        headcount,
        command_count,
        known_day_count,
        {%- for movement in [
            'joined',
            'left',
            'transferred_in',
            'transferred_out',
            'promoted',
            'demoted',
        ] %}
            cast({{ movement }}_count as {{ dbt.type_bigint() }})
                as {{ movement }}_count,
        {%- endfor %}
        cast(hours_gained as decimal(18, 4)) as hours_gained
    from summed

)

select * from final
