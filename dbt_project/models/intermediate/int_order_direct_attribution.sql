-- The rules that need nothing but the order itself, each as one kind of candidate.
with orders as (

    select
        order_id,
        {{ normalized('email') }} as customer_email,
        {{ normalized('referral_id') }} as referral_id,
        coalesce(created_at, order_date) as ordered_at
    from {{ ref('stg_roster__orders') }}

),

order_codes as (

    select
        order_id,
        code_position,
        {{ normalized('discount_code') }} as normalized_code
    from {{ ref('stg_roster__orders_discount_codes') }}

),

codes as (

    select * from {{ ref('int_discount_codes') }}

),

contacts as (

    select * from {{ ref('int_contacts') }}

),

memberships as (

    select * from {{ ref('int_program_memberships') }}

),

by_email as (

    select
        orders.order_id,
        orders.ordered_at,
        1 as precedence,
        0 as code_position,
        'personal' as attribution_type,
        'email' as attribution_method,
        contacts.contact_id
    from orders
    inner join contacts on orders.customer_email = contacts.email

),

by_own_code as (

    select
        orders.order_id,
        orders.ordered_at,
        2 as precedence,
        order_codes.code_position,
        'personal' as attribution_type,
        case when codes.is_personal then 'personal_code' else 'reward_code' end
            as attribution_method,
        codes.contact_id
    from orders
    inner join order_codes on orders.order_id = order_codes.order_id
    inner join codes on order_codes.normalized_code = codes.normalized_code
    where
        codes.assigned_at <= orders.ordered_at
        and (codes.is_personal or codes.discount_rule_kind = 'reward')

),

by_link as (

    select
        orders.order_id,
        orders.ordered_at,
        3 as precedence,
        0 as code_position,
        'referred' as attribution_type,
        'link' as attribution_method,
        contacts.contact_id
    from orders
    inner join contacts
        on orders.referral_id = {{ normalized('contacts.referral_id') }}

),

by_shared_code as (

    select
        orders.order_id,
        orders.ordered_at,
        4 as precedence,
        order_codes.code_position,
        'referred' as attribution_type,
        'code' as attribution_method,
        codes.contact_id
    from orders
    inner join order_codes on orders.order_id = order_codes.order_id
    inner join codes on order_codes.normalized_code = codes.normalized_code
    where
        codes.assigned_at <= orders.ordered_at
        and codes.discount_rule_kind in ('shareable', 'leakproof')
        and not codes.is_personal

),

candidates as (

    select * from by_email
    union all
    select * from by_own_code
    union all
    select * from by_link
    union all
    select * from by_shared_code

),

-- The ambassador must be in a program when the order is created.
qualified as (

    select
        candidates.order_id,
        candidates.attribution_type,
        candidates.attribution_method,
        candidates.contact_id,
        memberships.program_id,
        row_number() over (
            partition by candidates.order_id
            order by
                candidates.precedence,
                candidates.code_position,
                candidates.contact_id
        ) as preference
    from candidates
    inner join memberships
        on
            candidates.contact_id = memberships.contact_id
            and candidates.ordered_at >= memberships.joined_at
            and (
                candidates.ordered_at < memberships.left_at
                or memberships.left_at is null
            )

),

final as (

    select
        order_id,
        attribution_type,
        attribution_method,
        contact_id,
        program_id
    from qualified
    where preference = 1

)

select * from final
