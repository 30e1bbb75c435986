with orders as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_day
    from {{ ref('fct_orders') }}
    where attribution_type = 'referred' and date_day is not null

),

-- A fixed commission is paid in the program's currency, whatever the order's is.
amounts as (
    {% for column in ['gross_amount', 'refunded_amount', 'net_amount'] %}

        select
            member_key,
            month_start_day,
            order_currency as currency,
            '{{ column }}' as measure,
            {{ column }} as amount
        from orders

        union all
    {% endfor %}

    select
        member_key,
        month_start_day,
        coalesce(commission_currency, order_currency) as currency,
        'commission_amount' as measure,
        commission_amount as amount
    from orders

),

summed as (

    select
        member_key,
        month_start_day,
        currency,
        count(case when measure = 'net_amount' then 1 end) as referred_order_count,
        count(case when measure = 'net_amount' and amount is null then 1 end)
            as unknown_amount_order_count,
        count(case when measure = 'commission_amount' and amount is null then 1 end)
            as unknown_commission_order_count
        {%- for column in [
            'gross_amount',
            'refunded_amount',
            'net_amount',
            'commission_amount',
        ] -%}
            ,
            case
                when count(case when measure = '{{ column }}' then 1 end) = 0 then 0
                else sum(case when measure = '{{ column }}' then amount end)
            end as {{ column }}
        {%- endfor %}
    from amounts
    group by member_key, month_start_day, currency

),

final as (

    select
        {{ surrogate_key(['member_key', 'month_start_day', "coalesce(currency, '')"]) }}
            as member_month_key,
        member_key,
        month_start_day,
        currency,
        referred_order_count,
        cast(gross_amount as decimal(18, 4)) as gross_amount,
        cast(refunded_amount as decimal(18, 4)) as refunded_amount,
        cast(net_amount as decimal(18, 4)) as referral_revenue,
        unknown_amount_order_count,
        cast(commission_amount as decimal(18, 4)) as commission_amount,
        unknown_commission_order_count
    from summed

)

select * from final
