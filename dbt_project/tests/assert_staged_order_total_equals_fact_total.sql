with staged as (

    select
        coalesce(currency, 'unknown') as currency,
        coalesce(sum(total_amount), 0) as total_amount,
        coalesce(sum(subtotal_amount), 0) as subtotal_amount,
        coalesce(sum(refunded_amount), 0) as refunded_amount
    from {{ ref('stg_roster__orders') }}
    group by coalesce(currency, 'unknown')

),

facts as (

    select
        coalesce(order_currency, 'unknown') as currency,
        coalesce(sum(total_amount), 0) as total_amount,
        coalesce(sum(subtotal_amount), 0) as subtotal_amount,
        coalesce(sum(total_refunded_amount), 0) as refunded_amount
    from {{ ref('fct_orders') }}
    group by coalesce(order_currency, 'unknown')

),

final as (

    select
        coalesce(staged.currency, facts.currency) as currency,
        staged.total_amount as staged_total_amount,
        facts.total_amount as fact_total_amount
    from staged
    full outer join facts on staged.currency = facts.currency
    where
        staged.currency is null
        or facts.currency is null
        or staged.total_amount <> facts.total_amount
        or staged.subtotal_amount <> facts.subtotal_amount
        or staged.refunded_amount <> facts.refunded_amount

)

select * from final
