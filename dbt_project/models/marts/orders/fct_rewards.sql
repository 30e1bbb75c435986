with events as (

    select * from {{ ref('stg_roster__events') }}
    where event_type like 'reward.%'

),

orders as (

    select order_id from {{ ref('stg_roster__orders') }}

),

-- An event that names no reward is of its order's, if that has one.
named as (

    select
        *,
        case
            when reward_id is not null then reward_id
            when
                order_id is not null
                and min(reward_id) over (partition by order_id)
                = max(reward_id) over (partition by order_id)
                then max(reward_id) over (partition by order_id)
        end as known_reward_id
    from events

),

-- A reward without an id is its order's, or else a reward of its own.
identified as (

    select
        {{ surrogate_key([
            "case when known_reward_id is not null then 'reward' "
            "when order_id is not null then 'order' else 'event' end",
            'coalesce(known_reward_id, order_id, event_id)',
        ]) }} as reward_key,
        event_id,
        known_reward_id as reward_id,
        replace(event_type, 'reward.', '') as reward_status,
        contact_id,
        program_id,
        order_id,
        amount,
        currency,
        redeemed_sku,
        redeemed_quantity,
        occurred_at,
        coalesce(occurred_at, {{ beginning_of_time() }}) as changed_at,
        case event_type
            when 'reward.pending' then 0
            when 'reward.approved' then 1
            else 2
        end as progress
    from named

),

-- The last amount that came, with the currency that came with it.
amounts as (

    select
        reward_key,
        amount,
        currency,
        row_number() over (
            partition by reward_key
            order by changed_at desc, progress desc, event_id desc
        ) as recency
    from identified
    where amount is not null

),

rewards as (

    select
        reward_key,
        {%- for column in [
            'reward_id',
            'reward_status',
            'contact_id',
            'program_id',
            'order_id',
            'redeemed_sku',
        ] %}
            {{ latest_known(column, ['changed_at', 'progress', 'event_id']) }}
                as {{ column }},
        {%- endfor %}
        max(redeemed_quantity) as redeemed_quantity,
        min(occurred_at) as first_recorded_at
        {%- for status in ['pending', 'approved', 'rejected', 'paid', 'redeemed'] -%}
            ,
            min(case when reward_status = '{{ status }}' then occurred_at end)
                as {{ status }}_at
        {%- endfor %}
    from identified
    group by reward_key

),

final as (

    select
        rewards.reward_key,
        rewards.reward_id,
        {{ or_unknown(surrogate_key(["'roster'", 'rewards.contact_id'])) }}
            as member_key,
        {{ or_unknown(surrogate_key(['rewards.program_id'])) }} as program_key,
        {{ surrogate_key(['orders.order_id']) }} as order_key,
        rewards.order_id,
        {{ reporting_day('rewards.first_recorded_at') }} as reward_day,
        rewards.reward_status,
        case
            when rewards.reward_status in ('pending', 'approved') then true
            when rewards.reward_status in ('rejected', 'paid', 'redeemed') then false
        end as is_outstanding,
        cast(amounts.amount as decimal(18, 4)) as reward_amount,
        cast(
            case
                when rewards.reward_status = 'rejected' then 0
                when
                    rewards.reward_status in (
                        'pending', 'approved', 'paid', 'redeemed'
                    )
                    then amounts.amount
            end as decimal(18, 4)
        ) as reward_cost,
        amounts.currency as reward_currency,
        rewards.first_recorded_at,
        rewards.pending_at,
        rewards.approved_at,
        rewards.rejected_at,
        rewards.paid_at,
        rewards.redeemed_at,
        rewards.redeemed_sku,
        rewards.redeemed_quantity
    from rewards
    left join amounts
        on
            rewards.reward_key = amounts.reward_key
            and amounts.recency = 1
    left join orders on rewards.order_id = orders.order_id

)

select * from final
