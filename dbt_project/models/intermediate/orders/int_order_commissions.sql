with attribution as (

    select * from {{ ref('int_order_attribution') }}
    where attribution_type = 'referred'

),

orders as (

    select * from {{ ref('stg_roster__orders') }}

),

amounts as (

    select * from {{ ref('int_order_amounts') }}

),

terms as (

    select * from {{ ref('int_program_terms') }}

),

known_tiers as (

    select
        program_id,
        sequence_number as version_number,
        minimum_revenue,
        rate
    from {{ ref('stg_roster__programs_commission_tiers_versions') }}
    union all
    select
        program_id,
        0 as version_number,
        minimum_revenue,
        rate
    from {{ ref('stg_roster__programs_commission_tiers') }}

),

-- Below the first tier nothing is earned.
tiers as (

    select * from known_tiers
    union all
    select distinct
        program_id,
        version_number,
        0 as minimum_revenue,
        0 as rate
    from known_tiers

),

-- What was paid back or never paid earns nothing and counts for no tier.
referred as (

    select
        orders.order_id,
        attribution.contact_id,
        attribution.program_id,
        orders.currency,
        coalesce(orders.created_at, orders.order_date) as ordered_at,
        case when amounts.is_void then 0 else amounts.net_amount end as earning_amount,
        amounts.is_void,
        terms.version_number,
        terms.commission_type,
        terms.commission_value,
        terms.currency as program_currency,
        coalesce(terms.look_back_days, 0) as look_back_days
    from attribution
    inner join orders on attribution.order_id = orders.order_id
    inner join amounts on attribution.order_id = amounts.order_id
    left join terms
        on
            attribution.program_id = terms.program_id
            and coalesce(orders.created_at, orders.order_date) >= terms.valid_from
            and coalesce(orders.created_at, orders.order_date) < terms.valid_to

),

-- What the member referred in the look-back period before the order, in its currency;
-- not known when one of the amounts is not.
look_backs as (

    select
        referred.order_id,
        case
            when count(earlier.order_id) = count(earlier.earning_amount)
                then coalesce(sum(earlier.earning_amount), 0)
        end as look_back_amount
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
            and referred.version_number = tiers.version_number
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
    where referred.version_number is not null

),

final as (

    select
        order_id,
        commission_type,
        cast(commission_rate as decimal(9, 4)) as commission_rate,
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
