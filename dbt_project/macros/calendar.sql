-- The days that are in dim_dates whether or not anything happened on them.
{% macro first_calendar_day() -%}
    cast('2015-01-01' as date)
{%- endmacro %}

{% macro calendar_days() -%}
    {{ return(7670) }}
{%- endmacro %}

-- True for a day that a record may well have; others are kept, and reported.
{% macro is_calendar_day(day) -%}
    {{ day }} >= {{ first_calendar_day() }}
    and {{ day }} < cast({{ dbt.dateadd('day', calendar_days(), first_calendar_day()) }} as date)
{%- endmacro %}
