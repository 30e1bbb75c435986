with orders as (

    select
        *,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_day
    from {{ ref('fct_orders') }}
    where date_day is not null and not is_cancelled

),

lines as (

    select * from {{ ref('fct_order_lines') }}

),

summed as (

    select
        orders.program_key,
        orders.month_start_day,
        orders.order_currency as currency,
        lines.sku,
        max(lines.product_name) as product_name,
        count(distinct orders.order_key) as order_count,
        sum(lines.quantity) as item_count,
        sum(lines.line_amount) as line_amount,
        count(case when lines.line_amount is null then 1 end)
            as unknown_amount_line_count
    from lines
    inner join orders on lines.order_key = orders.order_key
    group by
        orders.program_key,
        orders.month_start_day,
        orders.order_currency,
        lines.sku

),

final as (

    select
        {{ surrogate_key([
            "coalesce(program_key, '')",
            'month_start_day',
            "coalesce(currency, '')",
            "coalesce(sku, '')",
        ]) }} as product_mix_key,
        program_key,
        month_start_day,
        currency,
        sku,
        product_name,
        order_count,
        cast(item_count as {{ dbt.type_bigint() }}) as item_count,
        cast(line_amount as decimal(18, 4)) as line_amount,
        unknown_amount_line_count,
        cast(line_amount as {{ raw_type('double') }})
        / nullif(
            sum(line_amount) over (
                partition by program_key, month_start_day, currency
            ),
            0
        ) as amount_share
    from summed

)

select * from final
