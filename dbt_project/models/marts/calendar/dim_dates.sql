{%- set a_monday = "cast('2014-12-29' as date)" -%}
{%- set weekday_names = [
    'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'
] -%}
{%- set month_names = [
    'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August',
    'September', 'October', 'November', 'December',
] -%}
{%- set fiscal_start =
    env_var('ROSTER_PLATFORM__FISCAL_YEAR_FIRST_MONTH', '1') | int
-%}
{%- set days_later = 'cast(generated_number - 1 as integer)' -%}

with numbers as (

    {{ dbt.generate_series(calendar_days()) }}

),

-- What is dated outside of the calendar has its day all the same.
days as (

    select
        cast({{ dbt.dateadd('day', days_later, first_calendar_day()) }} as date)
            as date_day
    from numbers

    union distinct

    select date_day
    from {{ ref('int_recorded_days') }}
    where not is_plausible

),

weekdays as (

    select
        date_day,
        mod(mod({{ dbt.datediff(a_monday, 'date_day', 'day') }}, 7) + 7, 7) + 1
            as iso_weekday_number
    from days

),

-- The year of an ISO week is that of its Thursday.
weeks as (

    select
        *,
        cast({{ dbt.dateadd(
            'day', 'cast(1 - iso_weekday_number as integer)', 'date_day'
        ) }} as date) as week_start_day,
        cast({{ dbt.dateadd(
            'day', 'cast(4 - iso_weekday_number as integer)', 'date_day'
        ) }} as date) as thursday
    from weekdays

),

iso_weeks as (

    select
        *,
        {{ dbt.datediff(
            'cast(' ~ dbt.date_trunc('year', 'thursday') ~ ' as date)', 'thursday', 'day'
        ) }} as days_of_year_before
    from weeks

),

-- A fiscal year has the number of the calendar year that it ends in.
fiscal_months as (

    select
        *,
        mod(cast(extract(month from date_day) as integer) + 12 - {{ fiscal_start }}, 12)
            as fiscal_months_before,
        cast(extract(year from date_day) as integer)
        {%- if fiscal_start > 1 %}
            + case
                when extract(month from date_day) >= {{ fiscal_start }} then 1 else 0
            end
        {%- endif %} as fiscal_year_number
    from iso_weeks

),

final as (

    select
        date_day,
        cast(extract(year from date_day) as integer) as year_number,
        cast(extract(quarter from date_day) as integer) as quarter_number,
        cast(extract(month from date_day) as integer) as month_number,
        cast({{ dbt.date_trunc('quarter', 'date_day') }} as date) as quarter_start_day,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_day,
        case extract(month from date_day)
            {%- for name in month_names %}
                when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as month_name,
        week_start_day,
        cast(extract(year from thursday) as integer) as iso_year_number,
        cast(floor(days_of_year_before / 7.0) as integer) + 1 as iso_week_number,
        cast(iso_weekday_number as integer) as iso_weekday_number,
        case iso_weekday_number
            {%- for name in weekday_names %}
                when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as weekday_name,
        iso_weekday_number >= 6 as is_weekend,
        fiscal_year_number,
        cast(floor(fiscal_months_before / 3.0) as integer) + 1 as fiscal_quarter_number,
        cast(fiscal_months_before as integer) + 1 as fiscal_month_number
    from fiscal_months

)

select * from final
