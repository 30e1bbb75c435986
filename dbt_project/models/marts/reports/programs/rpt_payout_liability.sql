with rewards as (

    select * from {{ ref('fct_rewards') }}
    where coalesce(is_outstanding, true)

),

summed as (

    select
        program_key,
        reward_currency as currency,
        count(case when is_outstanding then 1 end) as reward_count,
        count(
            distinct case
                when is_outstanding and {{ is_named('member_key') }} then member_key
            end
        ) as member_count,
        {{ known_sum('reward_amount', "reward_status = 'pending'") }}
            as pending_amount,
        {{ known_sum('reward_amount', "reward_status = 'approved'") }}
            as approved_amount,
        {{ known_sum('reward_amount', 'is_outstanding') }} as outstanding_amount,
        count(case when is_outstanding and reward_amount is null then 1 end)
            as unknown_amount_reward_count,
        count(case when is_outstanding is null then 1 end)
            as unknown_status_reward_count,
        min(case when is_outstanding then reward_day end) as oldest_day
    from rewards
    group by program_key, reward_currency

),

final as (

    select
        {{ surrogate_key(["coalesce(program_key, '')", "coalesce(currency, '')"]) }}
            as payout_liability_key,
        program_key,
        currency,
        reward_count,
        member_count,
        cast(pending_amount as decimal(18, 4)) as pending_amount,
        cast(approved_amount as decimal(18, 4)) as approved_amount,
        cast(outstanding_amount as decimal(18, 4)) as outstanding_amount,
        unknown_amount_reward_count,
        unknown_status_reward_count,
        oldest_day
    from summed

)

select * from final
