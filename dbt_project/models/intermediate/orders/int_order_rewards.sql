with events as (

    select * from {{ ref('stg_roster__events') }}
    where event_type like 'reward.%'

),

rewarded as (

    select
        order_id,
        reward_id,
        replace(event_type, 'reward.', '') as reward_status,
        amount,
        currency,
        occurred_at,
        row_number() over (
            partition by order_id
            order by occurred_at desc, event_id desc
        ) as recency
    from events
    where order_id is not null

),

final as (

    select
        order_id,
        reward_id,
        reward_status,
        amount as reward_amount,
        currency as reward_currency,
        occurred_at as changed_at
    from rewarded
    where recency = 1

)

select * from final
