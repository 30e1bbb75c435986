with orders as (

    select
        order_id,
        {{ normalized('email', 'email_key') }} as customer_email,
        coalesce(created_at, order_date) as ordered_at
    from {{ ref('stg_roster__orders') }}

),

direct_attribution as (

    select * from {{ ref('int_order_direct_attribution') }}

),

memberships as (

    select * from {{ ref('int_possible_memberships') }}

),

-- Until when everything that could attribute an order is known; NULL without a limit.
limits as (

    select
        min(coalesce(known_until, {{ beginning_of_time() }})) as known_until
    from {{ ref('int_input_coverage') }}
    where
        bears_on_attribution
        and not is_known

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
        -- One that may have been referred decides as well: then nobody knows.
        case
            when direct_attribution.attribution_type in ('referred', 'unknown')
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
        attribution_type,
        row_number() over (
            partition by customer_email
            order by ordered_at, order_id
        ) as referral_number
    from attributed
    where referred_order_id is not null

),

-- The ambassador must still be in a program, as far as anybody knows.
recurring as (

    select
        anchored.order_id,
        anchors.contact_id,
        max(memberships.program_id) as program_id,
        coalesce(max(memberships.is_certain), 0) = 1 as is_certain
    from anchored
    inner join anchors
        on
            anchored.customer_email = anchors.customer_email
            and anchored.referred_before = anchors.referral_number
    left join memberships
        on
            anchors.contact_id = memberships.contact_id
            and anchored.ordered_at >= memberships.valid_from
            and anchored.ordered_at < memberships.valid_to
    where
        anchored.attribution_type is null
        and (
            memberships.contact_id is not null
            or anchors.attribution_type = 'unknown'
        )
    group by anchored.order_id, anchors.contact_id

),

final as (

    select
        attributed.order_id,
        {%- for column, recurring in [
            ('attribution_type', 'referred'), ('attribution_method', 'recurring')
        ] %}
            case
                when attributed.{{ column }} is not null
                    then attributed.{{ column }}
                when recurring.is_certain then '{{ recurring }}'
                when recurring.order_id is not null then 'unknown'
                when
                    attributed.ordered_at < limits.known_until
                    or (
                        attributed.ordered_at is not null
                        and limits.known_until is null
                    )
                    then 'none'
                else 'unknown'
            end as {{ column }},
        {%- endfor %}
        coalesce(
            attributed.contact_id,
            case when recurring.is_certain then recurring.contact_id end
        ) as contact_id,
        coalesce(attributed.program_id, recurring.program_id) as program_id
    from attributed
    cross join limits
    left join recurring on attributed.order_id = recurring.order_id

)

select * from final
