with orders as (

    select * from {{ ref('fct_orders') }}
    where customer_key is not null

),

members as (

    select * from {{ ref('dim_members') }}
    where source_system = 'roster'

),

-- A person may have several contacts, with an e-mail each.
own_emails as (

    select distinct
        person_key,
        {{ customer_of('email') }} as customer_key
    from members
    where email is not null

),

own_codes as (

    select distinct
        entered.order_key,
        codes.member_key
    from {{ ref('fct_order_codes') }} as entered
    inner join {{ ref('dim_discount_codes') }} as codes
        on entered.discount_code_key = codes.discount_code_key
    where not coalesce(codes.is_personal, false)

),

found as (

    select
        orders.order_key,
        orders.member_key,
        orders.program_key,
        orders.date_day,
        orders.order_currency,
        orders.net_amount,
        orders.commission_amount,
        orders.commission_currency,
        case
            when orders.attribution_type = 'referred' then 'rewarded'
            when own_codes.order_key is not null then 'own_code'
        end as self_referral_kind
    from orders
    inner join members on orders.member_key = members.member_key
    inner join own_emails
        on
            members.person_key = own_emails.person_key
            and orders.customer_key = own_emails.customer_key
    left join own_codes
        on
            orders.order_key = own_codes.order_key
            and orders.member_key = own_codes.member_key

),

final as (

    select * from found
    where self_referral_kind is not null

)

select * from final
