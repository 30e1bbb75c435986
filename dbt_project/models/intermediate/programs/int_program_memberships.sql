with events as (

    select * from {{ ref('stg_roster__events') }}

),

-- An ambassador is in one program at most: joining another ends the one before.
joins as (

    select
        event_id,
        contact_id,
        program_id,
        occurred_at as joined_at,
        lead(occurred_at) over (
            partition by contact_id
            order by occurred_at, event_id
        ) as next_joined_at
    from events
    where event_type = 'program.joined'

),

leaves as (

    select
        contact_id,
        program_id,
        occurred_at as left_at
    from events
    where event_type = 'program.left'

),

-- Leaving a program ends no other: the news may come after the next was joined.
first_leaves as (

    select
        joins.event_id,
        min(leaves.left_at) as left_at
    from joins
    inner join leaves
        on
            joins.contact_id = leaves.contact_id
            and joins.joined_at < leaves.left_at
            and (
                joins.program_id = leaves.program_id
                or leaves.program_id is null
            )
    group by joins.event_id

),

memberships as (

    select
        joins.event_id as membership_id,
        joins.contact_id,
        joins.program_id,
        joins.joined_at,
        case
            when joins.next_joined_at < first_leaves.left_at
                then joins.next_joined_at
            else coalesce(first_leaves.left_at, joins.next_joined_at)
        end as left_at
    from joins
    left join first_leaves on joins.event_id = first_leaves.event_id

),

final as (

    select
        membership_id,
        contact_id,
        program_id,
        joined_at,
        left_at,
        left_at is null as is_current
    from memberships

)

select * from final
