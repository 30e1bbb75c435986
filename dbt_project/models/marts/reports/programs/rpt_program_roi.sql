with orders as (

    select * from {{ ref('fct_orders') }}
    where
        {{ is_named('program_key') }}
        and attribution_type = 'referred'

),

source_days as (

    select max(source_day) as source_day
    from {{ ref('int_source_reads') }}
    where source_system = 'roster'

),

aged as (

    select
        orders.program_key,
        orders.order_currency as currency,
        orders.net_amount,
        orders.commission_amount,
        case
            when orders.commission_currency = orders.order_currency
                then orders.commission_amount
            when orders.commission_amount is not null then 0
        end as own_commission,
        orders.commission_currency = orders.order_currency
        and orders.net_amount is not null
        and orders.commission_amount is not null as is_comparable,
        case
            when orders.net_amount is null then 1
            when orders.commission_amount is null then 1
            else 0
        end as is_unknown,
        {{ dbt.datediff('orders.date_day', 'source_days.source_day', 'day') }}
            as age_in_days
    from orders
    cross join source_days

),

{% set periods = {
    '30_days': 'age_in_days < 30',
    'previous_30_days': 'age_in_days >= 30',
} -%}

-- Revenue and commission are compared of the same orders, within one currency: what is
-- paid in dollars for an order in euros is not a cost of the orders in dollars.
summed as (

    select
        program_key,
        currency,
    {%- for period, condition in periods.items() %}
        {{ known_sum('net_amount', condition) }}
            as referral_revenue_{{ period }},
        {{ known_sum('own_commission', condition) }}
            as commission_amount_{{ period }},
        sum(case when {{ condition }} then is_unknown else 0 end)
            as unknown_order_count_{{ period }},
        sum(case when {{ condition }} and is_comparable then net_amount end)
            as compared_revenue_{{ period }},
        sum(case when {{ condition }} and is_comparable then commission_amount end)
            as compared_commission_{{ period }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from aged
    where age_in_days between 0 and 59
    group by program_key, currency

),

final as (

    select
        {{ surrogate_key(['program_key', "coalesce(currency, '')"]) }}
            as program_roi_key,
        program_key,
        currency,
        {%- for measure in [
            'referral_revenue_30_days',
            'referral_revenue_previous_30_days',
            'commission_amount_30_days',
            'commission_amount_previous_30_days',
        ] %}
            cast({{ measure }} as decimal(18, 4)) as {{ measure }},
        {%- endfor %}
        {%- for period in periods %}
            cast(unknown_order_count_{{ period }} as {{ dbt.type_bigint() }})
                as unknown_order_count_{{ period }},
        {%- endfor %}
    {%- for period in periods %}
        cast(
            compared_revenue_{{ period }} - compared_commission_{{ period }}
            as {{ raw_type('double') }}
        )
        / cast(
            nullif(compared_commission_{{ period }}, 0) as {{ raw_type('double') }}
        ) as roi_{{ period }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from summed

)

select * from final
