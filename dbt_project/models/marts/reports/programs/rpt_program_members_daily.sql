with memberships as (

    select * from {{ ref('int_program_memberships') }}

),

source_days as (

    select max(source_day) as source_day
    from {{ ref('int_source_reads') }}
    where source_system = 'roster'

),

first_days as (

    select
        program_id,
        min({{ reporting_day('joined_at') }}) as first_day
    from memberships
    where program_id is not null
    group by program_id

),

days as (

    select
        first_days.program_id,
        dates.date_day
    from first_days
    cross join source_days
    inner join {{ ref('dim_dates') }} as dates
        on
            first_days.first_day <= dates.date_day
            and source_days.source_day >= dates.date_day

),

counted as (

    select
        days.program_id,
        days.date_day,
        count(
            case
                when
                    {{ reporting_day('memberships.left_at') }} > days.date_day
                    or memberships.left_at is null
                    then memberships.contact_id
            end
        ) as active_member_count,
        count(
            case
                when {{ reporting_day('memberships.joined_at') }} = days.date_day
                    then memberships.contact_id
            end
        ) as joined_count,
        count(
            case
                when {{ reporting_day('memberships.left_at') }} = days.date_day
                    then memberships.contact_id
            end
        ) as left_count
    from days
    inner join memberships
        on
            days.program_id = memberships.program_id
            and days.date_day >= {{ reporting_day('memberships.joined_at') }}
    group by days.program_id, days.date_day

),

final as (

    select
        {{ surrogate_key(['program_id', 'date_day']) }} as program_member_day_key,
        {{ surrogate_key(['program_id']) }} as program_key,
        date_day,
        active_member_count,
        joined_count,
        left_count
    from counted

)

select * from final
