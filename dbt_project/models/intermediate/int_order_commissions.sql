with attribution as (

    select * from {{ ref('int_order_attribution') }}
    where attribution_type = 'referred'

),

orders as (

    select * from {{ ref('stg_roster__orders') }}

),

programs as (

    select * from {{ ref('stg_roster__programs') }}

),

tiers as (

    select * from {{ ref('stg_roster__programs_commission_tiers') }}

),

-- An order that was paid back or never paid earns nothing and counts for no tier.
referred as (

    select
        orders.order_id,
        attribution.contact_id,
        attribution.program_id,
        orders.currency,
        coalesce(orders.created_at, orders.order_date) as ordered_at,
        case
            when orders.order_status in ('refunded', 'cancelled') then 0
            else orders.subtotal_amount
        end as earning_amount,
        coalesce(orders.order_status in ('refunded', 'cancelled'), false)
            as is_void,
        programs.commission_type,
        programs.commission_value,
        programs.currency as program_currency,
        coalesce(programs.look_back_days, 0) as look_back_days
    from attribution
    inner join orders on attribution.order_id = orders.order_id
    inner join programs on attribution.program_id = programs.program_id

),

-- What the member referred in the look-back period before the order, in its currency.
look_backs as (

    select
        referred.order_id,
        coalesce(sum(earlier.earning_amount), 0) as look_back_amount
    from referred
    left join referred as earlier
        on
            referred.contact_id = earlier.contact_id
            and referred.program_id = earlier.program_id
            and referred.currency = earlier.currency
            and referred.ordered_at > earlier.ordered_at
            and cast({{ dbt.dateadd(
                'day', 'referred.look_back_days', 'earlier.ordered_at'
            ) }} as {{ raw_type('timestamp') }}) >= referred.ordered_at
    where referred.commission_type = 'tiered'
    group by referred.order_id

),

reached as (

    select
        look_backs.order_id,
        look_backs.look_back_amount,
        tiers.rate,
        row_number() over (
            partition by look_backs.order_id
            order by tiers.minimum_revenue desc, tiers.rate desc
        ) as place
    from look_backs
    inner join referred on look_backs.order_id = referred.order_id
    inner join tiers
        on
            referred.program_id = tiers.program_id
            and look_backs.look_back_amount >= tiers.minimum_revenue

),

rated as (

    select
        referred.*,
        case referred.commission_type
            when 'percentage' then referred.commission_value
            when 'tiered' then reached.rate
        end as commission_rate
    from referred
    left join reached
        on
            referred.order_id = reached.order_id
            and reached.place = 1

),

final as (

    select
        order_id,
        commission_type,
        commission_rate,
        case
            when commission_type = 'fixed' then program_currency
            else currency
        end as commission_currency,
        cast(
            case
                when is_void then 0
                when commission_type = 'fixed' then round(commission_value, 2)
                -- Multiplied, because a division is binary and loses the half cent.
                else
                    round(
                        cast(earning_amount as decimal(18, 4))
                        * cast(commission_rate as decimal(9, 4)) * 0.01,
                        2
                    )
            end as decimal(18, 4)
        ) as commission_amount
    from rated

)

select * from final
