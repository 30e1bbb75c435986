with orders as (

    select
        order_id,
        {{ normalized('email') }} as customer_email,
        coalesce(created_at, order_date) as ordered_at
    from {{ ref('stg_roster__orders') }}

),

direct_attribution as (

    select * from {{ ref('int_order_direct_attribution') }}

),

memberships as (

    select * from {{ ref('int_program_memberships') }}

),

attributed as (

    select
        orders.order_id,
        orders.customer_email,
        orders.ordered_at,
        direct_attribution.attribution_type,
        direct_attribution.attribution_method,
        direct_attribution.contact_id,
        direct_attribution.program_id,
        case
            when direct_attribution.attribution_type = 'referred'
                then orders.order_id
        end as referred_order_id
    from orders
    left join direct_attribution on orders.order_id = direct_attribution.order_id

),

-- A recurring order passes its ambassador on, so the customer's last order that was
-- referred by itself decides.
anchored as (

    select
        order_id,
        customer_email,
        ordered_at,
        attribution_type,
        sum(case when referred_order_id is not null then 1 else 0 end) over (
            partition by customer_email
            order by ordered_at, order_id
            rows between unbounded preceding and 1 preceding
        ) as referred_before
    from attributed

),

anchors as (

    select
        customer_email,
        contact_id,
        row_number() over (
            partition by customer_email
            order by ordered_at, order_id
        ) as referral_number
    from attributed
    where referred_order_id is not null

),

recurring as (

    select
        anchored.order_id,
        anchors.contact_id,
        memberships.program_id
    from anchored
    inner join anchors
        on
            anchored.customer_email = anchors.customer_email
            and anchored.referred_before = anchors.referral_number
    inner join memberships
        on
            anchors.contact_id = memberships.contact_id
            and anchored.ordered_at >= memberships.joined_at
            and (
                anchored.ordered_at < memberships.left_at
                or memberships.left_at is null
            )
    where anchored.attribution_type is null

),

final as (

    select
        attributed.order_id,
        case
            when attributed.attribution_type is not null
                then attributed.attribution_type
            when recurring.order_id is not null then 'referred'
            else 'none'
        end as attribution_type,
        case
            when attributed.attribution_method is not null
                then attributed.attribution_method
            when recurring.order_id is not null then 'recurring'
            else 'none'
        end as attribution_method,
        coalesce(attributed.contact_id, recurring.contact_id) as contact_id,
        coalesce(attributed.program_id, recurring.program_id) as program_id
    from attributed
    left join recurring on attributed.order_id = recurring.order_id

)

select * from final
