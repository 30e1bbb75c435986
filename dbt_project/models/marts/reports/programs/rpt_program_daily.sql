{%- set unknown = "attribution_type = 'unknown'" -%}

with orders as (

    select * from {{ ref('fct_orders') }}

),

rewards as (

    select * from {{ ref('fct_rewards') }}

),

sold as (

    select
        program_key,
        date_day,
        order_currency as currency,
        count(*) as order_count,
        count(case when attribution_method = 'link' then 1 end)
            as link_order_count,
        count(case when attribution_method = 'code' then 1 end)
            as code_order_count,
        count(case when attribution_method = 'recurring' then 1 end)
            as recurring_order_count,
        count(case when attribution_type = 'personal' then 1 end)
            as personal_order_count,
        count(case when {{ unknown }} then 1 end) as unknown_order_count,
        count(case when net_amount is null then 1 end)
            as unknown_amount_order_count,
        count(case when not is_cancelled and gross_amount is not null then 1 end)
            as valued_order_count,
        {{ known_sum('net_amount', "attribution_method = 'link'", unknown) }}
            as link_revenue,
        {{ known_sum('net_amount', "attribution_method = 'code'", unknown) }}
            as code_revenue,
        {{ known_sum('net_amount', "attribution_method = 'recurring'", unknown) }}
            as recurring_revenue,
        {{ known_sum('net_amount', "attribution_type = 'personal'", unknown) }}
            as personal_revenue,
        {{ known_sum('net_amount') }} as total_revenue,
        {{ known_sum('gross_amount') }} as gross_amount,
        {{ known_sum('refunded_amount') }} as refunded_amount
    from orders
    group by program_key, date_day, order_currency

),

-- A fixed commission is paid in the program's currency, whatever the order's is.
earned as (

    select
        program_key,
        date_day,
        coalesce(commission_currency, order_currency) as currency,
        sum(commission_amount) as commission_amount,
        count(case when commission_amount is null then 1 end)
            as unknown_commission_order_count
    from orders
    where attribution_type = 'referred'
    group by program_key, date_day, coalesce(commission_currency, order_currency)

),

rewarded as (

    select
        program_key,
        reward_day as date_day,
        reward_currency as currency,
        sum(reward_cost) as reward_cost
    from rewards
    where
        coalesce(reward_status, '') <> 'rejected'
        and coalesce(cast(reward_amount as {{ dbt.type_string() }}), reward_currency)
        is not null
    group by program_key, reward_day, reward_currency

),

-- Rewards are known from events. Until when; NULL without a limit.
limits as (

    select
        min(
            coalesce(
                {{ reporting_day('known_until') }},
                cast({{ beginning_of_time() }} as date)
            )
        ) as rewards_known_until
    from {{ ref('int_input_coverage') }}
    where
        endpoint = 'events'
        and bears_on_attribution
        and not is_known

),

cells as (

    select
        program_key,
        date_day,
        currency
    from sold
    union distinct
    select
        program_key,
        date_day,
        currency
    from earned
    union distinct
    select
        program_key,
        date_day,
        currency
    from rewarded

),

final as (

    select
        {{ surrogate_key([
            "coalesce(cells.program_key, '')",
            'cells.date_day',
            "coalesce(cells.currency, '')",
        ]) }} as program_day_key,
        cells.program_key,
        cells.date_day,
        cells.currency,
        {%- for count in [
            'order_count',
            'unknown_order_count',
            'unknown_amount_order_count',
            'valued_order_count',
        ] %}
            coalesce(sold.{{ count }}, 0) as {{ count }},
        {%- endfor %}
        {%- for count in [
            'link_order_count',
            'code_order_count',
            'recurring_order_count',
            'personal_order_count',
        ] %}
            case
                when sold.{{ count }} > 0 then sold.{{ count }}
                when coalesce(sold.unknown_order_count, 0) = 0 then 0
            end as {{ count }},
        {%- endfor %}
        {#- Nothing of the kind is 0; what is there and not known is NULL. #}
        {%- for measure in [
            'link_revenue',
            'code_revenue',
            'recurring_revenue',
            'personal_revenue',
            'total_revenue',
            'gross_amount',
            'refunded_amount',
        ] %}
            cast(
                case when sold.order_count is null then 0 else sold.{{ measure }} end
                as decimal(18, 4)
            ) as {{ measure }},
        {%- endfor %}
        cast(
            case
                when earned.unknown_commission_order_count is not null
                    then earned.commission_amount
                when
                    sold.order_count is null
                    or (
                        sold.total_revenue is not null
                        and sold.unknown_order_count = 0
                    )
                    then 0
            end as decimal(18, 4)
        ) as commission_amount,
        coalesce(earned.unknown_commission_order_count, 0)
            as unknown_commission_order_count,
        cast(
            case
                when rewarded.date_day is not null then rewarded.reward_cost
                when
                    cells.date_day < limits.rewards_known_until
                    or limits.rewards_known_until is null
                    then 0
            end as decimal(18, 4)
        ) as reward_cost
    from
        cells
    {%- for measured in ['sold', 'earned', 'rewarded'] %}
    left join {{ measured }}
        on
            coalesce(cells.program_key, '') = coalesce({{ measured }}.program_key, '')
            and cells.date_day = {{ measured }}.date_day
            and coalesce(cells.currency, '') = coalesce({{ measured }}.currency, '')
    {%- endfor %}
    cross join limits
    where cells.date_day is not null

)

select * from final
