with members as (

    select * from {{ ref('dim_members') }}
    where source_system = 'roster'

),

events as (

    select * from {{ ref('fct_events') }}

),

orders as (

    select * from {{ ref('fct_orders') }}
    where attribution_type = 'referred'

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- Without all events, a step that nobody is known to have taken is not known.
missing_inputs as (

    select count(*) as missing_count
    from {{ ref('int_input_coverage') }}
    where
        not is_known
        and (
            endpoint = 'events'
            or bears_on_attribution
        )

),

steps as (

    select
        member_key,
        max(case when new_contact_stage = 'Pending Application' then 1 else 0 end)
            as applied,
        max(case when event_type = 'program.joined' then 1 else 0 end) as accepted,
        max(case when new_contact_stage = 'Declined' then 1 else 0 end) as declined
    from events
    group by member_key

),

activated as (

    select distinct member_key from orders

),

summed as (

    select
        dates.month_start_day,
        count(*) as contact_count,
        {%- for step, name in [
            ('applied', 'application'),
            ('accepted', 'accepted'),
            ('declined', 'declined'),
        ] %}
            case
                when sum(steps.{{ step }}) > 0 then sum(steps.{{ step }})
                when min(missing_inputs.missing_count) = 0 then 0
            end as {{ name }}_count,
        {%- endfor %}
        case
            when count(activated.member_key) > 0
                then
                    count(case when steps.accepted = 1 then activated.member_key end)
            when min(missing_inputs.missing_count) = 0 then 0
        end as activated_count
    from members
    inner join dates on {{ reporting_day('members.first_seen_at') }} = dates.date_day
    left join steps on members.member_key = steps.member_key
    left join activated on members.member_key = activated.member_key
    cross join missing_inputs
    group by dates.month_start_day

),

final as (

    select
        month_start_day,
        contact_count,
        cast(application_count as {{ dbt.type_bigint() }}) as application_count,
        cast(accepted_count as {{ dbt.type_bigint() }}) as accepted_count,
        cast(declined_count as {{ dbt.type_bigint() }}) as declined_count,
        activated_count,
        cast(application_count as {{ raw_type('double') }}) / contact_count
            as application_rate,
        cast(accepted_count as {{ raw_type('double') }}) / contact_count
            as acceptance_rate,
        cast(activated_count as {{ raw_type('double') }}) / nullif(accepted_count, 0)
            as activation_rate
    from summed

)

select * from final
