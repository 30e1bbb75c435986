with orders as (

    select
        order_id,
        {{ normalized('email', 'email_key') }} as email,
        coalesce(created_at, order_date) as ordered_at,
        {{ order_day('created_at', 'order_date') }} as date_day
    from {{ ref('stg_roster__orders') }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by email
            order by
                case when ordered_at is null then 1 else 0 end asc,
                ordered_at asc,
                order_id asc
        ) as order_number
    from orders
    where email is not null

),

customers as (

    select
        email,
        max(case when order_number = 1 then order_id end) as first_order_id,
        min(ordered_at) as first_ordered_at,
        max(case when order_number = 1 then date_day end) as first_order_day,
        max(ordered_at) as last_ordered_at,
        count(*) as order_count
    from numbered
    group by email

),

final as (

    select
        {{ hashed('email') }} as customer_key,
        {{ surrogate_key(['first_order_id']) }} as first_order_key,
        first_order_day,
        first_ordered_at,
        last_ordered_at,
        order_count,
        order_count > 1 as is_returning
    from customers

)

select * from final
