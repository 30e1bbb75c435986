-- The rules that need nothing but the order itself, each as one kind of candidate.
with orders as (

    select
        order_id,
        {{ normalized('email', 'email_key') }} as customer_email,
        {{ normalized('referral_id', 'referral_id_key') }} as referral_id,
        coalesce(created_at, order_date) as ordered_at
    from {{ ref('stg_roster__orders') }}

),

order_codes as (

    select
        order_id,
        code_position,
        {{ normalized('discount_code', 'discount_code_key') }} as normalized_code
    from {{ ref('stg_roster__orders_discount_codes') }}

),

codes as (

    select
        *,
        -- Without these nobody knows whether it is the member's own or shared.
        case
            when is_personal then true
            when discount_rule_kind = 'reward' then true
            when is_personal is null then false
            else discount_rule_kind in ('shareable', 'leakproof')
        end as is_use_known
    from {{ ref('int_discount_code_owners') }}

),

used_codes as (

    select
        orders.order_id,
        orders.ordered_at,
        order_codes.code_position,
        codes.contact_id,
        codes.discount_rule_kind,
        codes.is_personal,
        codes.is_use_known,
        codes.is_dated
    from orders
    inner join order_codes on orders.order_id = order_codes.order_id
    inner join codes
        on
            order_codes.normalized_code = codes.normalized_code
            and orders.ordered_at >= codes.valid_from
            and orders.ordered_at < codes.valid_to

),

emails as (

    select * from {{ ref('int_email_owners') }}

),

link_owners as (

    select * from {{ ref('int_referral_id_owners') }}

),

known_links as (

    select distinct referral_id
    from link_owners

),

memberships as (

    select * from {{ ref('int_possible_memberships') }}

),

by_email as (

    select
        orders.order_id,
        orders.ordered_at,
        1 as precedence,
        0 as code_position,
        'personal' as attribution_type,
        'email' as attribution_method,
        emails.contact_id,
        1 as is_certain
    from orders
    inner join emails
        on
            orders.customer_email = emails.email
            and orders.ordered_at >= emails.valid_from
            and orders.ordered_at < emails.valid_to

),

by_own_code as (

    select
        order_id,
        ordered_at,
        2 as precedence,
        code_position,
        'personal' as attribution_type,
        case when is_personal then 'personal_code' else 'reward_code' end
            as attribution_method,
        contact_id,
        is_dated as is_certain
    from used_codes
    where is_personal or discount_rule_kind = 'reward'

),

by_unclear_code as (

    select
        order_id,
        ordered_at,
        2 as precedence,
        code_position,
        'unknown' as attribution_type,
        'unknown' as attribution_method,
        contact_id,
        0 as is_certain
    from used_codes
    where not coalesce(is_use_known, false)

),

by_link as (

    select
        orders.order_id,
        orders.ordered_at,
        3 as precedence,
        0 as code_position,
        'referred' as attribution_type,
        'link' as attribution_method,
        link_owners.contact_id,
        1 as is_certain
    from orders
    inner join link_owners
        on
            orders.referral_id = link_owners.referral_id
            and orders.ordered_at >= link_owners.valid_from
            and orders.ordered_at < link_owners.valid_to

),

by_shared_code as (

    select
        order_id,
        ordered_at,
        4 as precedence,
        code_position,
        'referred' as attribution_type,
        'code' as attribution_method,
        contact_id,
        is_dated as is_certain
    from used_codes
    where
        is_use_known
        and not is_personal
        and discount_rule_kind <> 'reward'

),

candidates as (

    select * from by_email
    union all
    select * from by_own_code
    union all
    select * from by_unclear_code
    union all
    select * from by_link
    union all
    select * from by_shared_code

),

-- The ambassador must be in a program when the order is created. Where nobody knows
-- whether one was, or from when the code was theirs, what comes next may be wrong.
qualified as (

    select
        candidates.order_id,
        candidates.precedence,
        candidates.code_position,
        candidates.attribution_type,
        candidates.attribution_method,
        candidates.contact_id,
        memberships.program_id,
        candidates.is_certain * memberships.is_certain as is_certain
    from candidates
    inner join memberships
        on
            candidates.contact_id = memberships.contact_id
            and candidates.ordered_at >= memberships.valid_from
            and candidates.ordered_at < memberships.valid_to

),

-- Whose link it was is not known, unless a code says it: a leakproof code is minted by
-- the link.
by_unknown_link as (

    select
        orders.order_id,
        5 as precedence,
        0 as code_position,
        'unknown' as attribution_type,
        'unknown' as attribution_method,
        cast(null as {{ dbt.type_string() }}) as contact_id,
        cast(null as {{ dbt.type_string() }}) as program_id,
        0 as is_certain
    from orders
    left join known_links on orders.referral_id = known_links.referral_id
    where
        orders.referral_id is not null
        and known_links.referral_id is null

),

possible as (

    select * from qualified
    union all
    select * from by_unknown_link

),

ranked as (

    select
        *,
        row_number() over (
            partition by order_id
            order by
                precedence asc,
                code_position asc,
                is_certain desc,
                contact_id asc
        ) as preference
    from possible

),

final as (

    select
        order_id,
        case when is_certain = 1 then attribution_type else 'unknown' end
            as attribution_type,
        case when is_certain = 1 then attribution_method else 'unknown' end
            as attribution_method,
        case when is_certain = 1 then contact_id end as contact_id,
        case when is_certain = 1 then program_id end as program_id,
        case when is_certain = 1 then code_position end as code_position
    from ranked
    where preference = 1

)

select * from final
