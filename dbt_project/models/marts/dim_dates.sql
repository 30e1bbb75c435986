{%- set first_day = "cast('2015-01-01' as date)" -%}
{%- set a_monday = "cast('2014-12-29' as date)" -%}
{%- set days_later = 'cast(generated_number - 1 as integer)' -%}

with numbers as (

    {{ dbt.generate_series(7670) }}

),

days as (

    select
        cast({{ dbt.dateadd('day', days_later, first_day) }} as date) as date_day
    from numbers

),

weekdays as (

    select
        date_day,
        mod({{ dbt.datediff(a_monday, 'date_day', 'day') }}, 7) + 1
            as iso_weekday_number
    from days

),

final as (

    select
        date_day,
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(quarter from date_day) as integer) as quarter_number,
        cast(extract(month from date_day) as integer) as month_number,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_day,
        cast(iso_weekday_number as integer) as iso_weekday_number,
        iso_weekday_number >= 6 as is_weekend
    from weekdays

)

select * from final
