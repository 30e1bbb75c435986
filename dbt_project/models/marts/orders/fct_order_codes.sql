with orders as (

    select
        order_id,
        coalesce(created_at, order_date) as ordered_at
    from {{ ref('stg_roster__orders') }}

),

entered as (

    select
        order_id,
        {{ normalized('discount_code', 'discount_code_key') }} as normalized_code,
        min(code_position) as code_position
    from {{ ref('stg_roster__orders_discount_codes') }}
    group by order_id, {{ normalized('discount_code', 'discount_code_key') }}

),

codes as (

    select * from {{ ref('int_discount_codes') }}

),

attribution as (

    select * from {{ ref('int_order_attribution') }}

),

attributing as (

    select
        order_id,
        code_position,
        contact_id
    from {{ ref('int_order_direct_attribution') }}
    where attribution_method in ('code', 'personal_code', 'reward_code')

),

-- Until when all of Roster's codes are known; NULL without a limit.
limits as (

    select
        count(*) as limit_count,
        min(coalesce(known_until, {{ beginning_of_time() }})) as known_until
    from {{ ref('int_input_coverage') }}
    where
        endpoint = 'discount_codes_lookup'
        and (aspect = 'reads' or part = 'code')
        and not is_known

),

-- Of two codes with one text: the attributed member's, or the last one assigned.
matched as (

    select
        entered.order_id,
        entered.normalized_code,
        entered.code_position,
        codes.discount_code_id,
        coalesce(attributing.order_id is not null, false) as is_attributing,
        row_number() over (
            partition by entered.order_id, entered.normalized_code
            order by
                case when codes.contact_id = attributing.contact_id then 0 else 1 end,
                case when codes.assigned_at <= orders.ordered_at then 0 else 1 end,
                case when codes.is_deleted then 1 else 0 end,
                codes.assigned_at desc,
                codes.discount_code_id asc
        ) as preference
    from entered
    inner join orders on entered.order_id = orders.order_id
    left join codes on entered.normalized_code = codes.normalized_code
    left join attributing
        on
            entered.order_id = attributing.order_id
            and entered.code_position = attributing.code_position
    where entered.normalized_code is not null

),

final as (

    select
        {{ surrogate_key(['matched.order_id', 'matched.normalized_code']) }}
            as order_code_key,
        {{ surrogate_key(['matched.order_id']) }} as order_key,
        {{ or_none_when(
            surrogate_key(['matched.discount_code_id']),
            'limits.limit_count = 0 or orders.ordered_at < limits.known_until',
        ) }} as discount_code_key,
        matched.normalized_code as entered_code,
        matched.code_position,
        case
            when matched.discount_code_id is not null then true
            when limits.limit_count = 0 or orders.ordered_at < limits.known_until
                then false
        end as is_roster_code,
        case
            when matched.is_attributing then true
            when attribution.attribution_type <> 'unknown' then false
        end as is_attributing
    from matched
    inner join orders on matched.order_id = orders.order_id
    inner join attribution on matched.order_id = attribution.order_id
    cross join limits
    where matched.preference = 1

)

select * from final
