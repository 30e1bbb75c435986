with orders as (

    select * from {{ ref('fct_orders') }}

),

sold as (

    select
        program_key,
        date_day,
        currency,
        count(*) as order_count,
        count(case when attribution_method = 'link' then 1 end)
            as link_order_count,
        count(case when attribution_method = 'code' then 1 end)
            as code_order_count,
        count(case when attribution_method = 'recurring' then 1 end)
            as recurring_order_count,
        count(case when attribution_type = 'personal' then 1 end)
            as personal_order_count,
        sum(case when attribution_method = 'link' then subtotal_amount else 0 end)
            as link_revenue,
        sum(case when attribution_method = 'code' then subtotal_amount else 0 end)
            as code_revenue,
        sum(
            case when attribution_method = 'recurring' then subtotal_amount else 0 end
        ) as recurring_revenue,
        sum(
            case when attribution_type = 'personal' then subtotal_amount else 0 end
        ) as personal_revenue,
        sum(subtotal_amount) as total_revenue,
        sum(refunded_amount) as refunded_amount
    from orders
    group by program_key, date_day, currency

),

-- A fixed commission is paid in the program's currency, whatever the order's is.
earned as (

    select
        program_key,
        date_day,
        commission_currency as currency,
        sum(commission_amount) as commission_amount
    from orders
    where commission_amount is not null
    group by program_key, date_day, commission_currency

),

rewarded as (

    select
        program_key,
        date_day,
        reward_currency as currency,
        sum(reward_amount) as reward_amount
    from orders
    where
        reward_amount is not null
        and reward_status <> 'rejected'
    group by program_key, date_day, reward_currency

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
        coalesce(sold.order_count, 0) as order_count,
        coalesce(sold.link_order_count, 0) as link_order_count,
        coalesce(sold.code_order_count, 0) as code_order_count,
        coalesce(sold.recurring_order_count, 0) as recurring_order_count,
        coalesce(sold.personal_order_count, 0) as personal_order_count,
        {%- for measure in [
            'link_revenue',
            'code_revenue',
            'recurring_revenue',
            'personal_revenue',
            'total_revenue',
            'refunded_amount',
        ] %}
            cast(coalesce(sold.{{ measure }}, 0) as decimal(18, 4)) as {{ measure }},
        {%- endfor %}
        cast(coalesce(earned.commission_amount, 0) as decimal(18, 4))
            as commission_amount,
        cast(coalesce(rewarded.reward_amount, 0) as decimal(18, 4)) as reward_amount
    from
        cells
    {%- for measured in ['sold', 'earned', 'rewarded'] %}
    left join {{ measured }}
        on
            coalesce(cells.program_key, '') = coalesce({{ measured }}.program_key, '')
            and cells.date_day = {{ measured }}.date_day
            and coalesce(cells.currency, '') = coalesce({{ measured }}.currency, '')
    {%- endfor %}
    where cells.date_day is not null

)

select * from final
