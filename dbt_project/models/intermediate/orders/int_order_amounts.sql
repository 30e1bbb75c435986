with orders as (

    select * from {{ ref('stg_roster__orders') }}

),

-- Without an amount nothing was refunded, unless the status says so or says nothing.
reported as (

    select
        order_id,
        order_status,
        cast(subtotal_amount as decimal(18, 4)) as subtotal_amount,
        cast(total_amount as decimal(18, 4)) as total_amount,
        cast(
            case
                when refunded_amount is not null then refunded_amount
                when order_status not in ('refunded', 'partially_refunded') then 0
            end as decimal(18, 4)
        ) as total_refunded_amount,
        coalesce(order_status in ('cancelled', 'voided'), false) as is_cancelled
    from orders

),

judged as (

    select
        *,
        coalesce(
            order_status = 'refunded'
            or (total_amount > 0 and total_refunded_amount >= total_amount),
            false
        ) as is_refunded_in_full
    from reported

),

-- A refund is of the total. Of the subtotal it is the same share. An amount that never
-- came is not known, cancelled or not.
measured as (

    select
        *,
        cast(
            case when is_cancelled then subtotal_amount * 0 else subtotal_amount end
            as decimal(18, 4)
        ) as gross_amount,
        cast(
            case
                when is_cancelled then 0
                when is_refunded_in_full then subtotal_amount
                when total_refunded_amount = 0 then 0
                else subtotal_amount * total_refunded_amount / nullif(total_amount, 0)
            end as decimal(18, 4)
        ) as refunded_amount,
        is_cancelled or is_refunded_in_full as is_void
    from judged

),

final as (

    select
        order_id,
        subtotal_amount,
        total_amount,
        total_refunded_amount,
        gross_amount,
        refunded_amount,
        cast(gross_amount - refunded_amount as decimal(18, 4)) as net_amount,
        is_cancelled,
        is_void
    from measured

)

select * from final
