with participants as (

    select * from {{ ref('stg_roster__campaigns_participants') }}

),

campaigns as (

    select * from {{ ref('stg_roster__campaigns') }}

),

final as (

    select
        participants.participation_id as participation_key,
        {{ or_unknown(surrogate_key(['participants.campaign_id'])) }} as campaign_key,
        {{ or_unknown(surrogate_key(["'roster'", 'participants.contact_id'])) }}
            as member_key,
        {{ or_unknown(surrogate_key(['campaigns.program_id'])) }} as program_key,
        participants.participation_status,
        {{ reporting_day('participants.added_at') }} as date_day,
        participants.added_at,
        participants.sent_at,
        participants.opened_at,
        participants.joined_at,
        participants.completed_at
    from participants
    left join campaigns on participants.campaign_id = campaigns.campaign_id

)

select * from final
