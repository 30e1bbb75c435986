with events as (

    select * from {{ ref('stg_roster__events') }}
    where event_type in ('program.joined', 'program.left')

),

-- An ambassador is in one program at most, so whatever comes next ends a membership.
sequenced as (

    select
        event_id,
        contact_id,
        program_id,
        event_type,
        occurred_at as joined_at,
        lead(occurred_at) over (
            partition by contact_id
            order by occurred_at, case event_type when 'program.left' then 0 else 1 end
        ) as left_at
    from events

),

final as (

    select
        event_id as membership_id,
        contact_id,
        program_id,
        joined_at,
        left_at,
        left_at is null as is_current
    from sequenced
    where event_type = 'program.joined'

)

select * from final
