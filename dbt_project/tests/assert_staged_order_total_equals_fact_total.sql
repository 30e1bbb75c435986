with staged as (

    select
        currency,
        sum(total_amount) as total_amount,
        sum(subtotal_amount) as subtotal_amount
    from {{ ref('stg_roster__orders') }}
    group by currency

),

facts as (

    select
        currency,
        sum(total_amount) as total_amount,
        sum(subtotal_amount) as subtotal_amount
    from {{ ref('fct_orders') }}
    group by currency

),

final as (

    select
        staged.currency,
        staged.total_amount as staged_total_amount,
        facts.total_amount as fact_total_amount
    from staged
    left join facts on staged.currency = facts.currency
    where
        facts.currency is null
        or staged.total_amount <> facts.total_amount
        or staged.subtotal_amount <> facts.subtotal_amount

)

select * from final
