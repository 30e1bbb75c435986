with memberships as (

    select
        contact_id,
        program_id,
        joined_at as valid_from,
        coalesce(left_at, {{ end_of_time() }}) as valid_to
    from {{ ref('int_program_memberships') }}

),

events as (

    select
        contact_id,
        program_id,
        event_type,
        occurred_at
    from {{ ref('stg_roster__events') }}

),

in_a_program as (

    select
        contact_id,
        program_id
    from {{ ref('stg_roster__contacts') }}
    where
        program_id is not null
        and not is_deleted

),

known as (

    select
        contact_id,
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from memberships
    group by contact_id

),

-- A join without its time.
undated as (

    select
        contact_id,
        program_id as named_program_id,
        {{ beginning_of_time() }} as valid_from,
        {{ end_of_time() }} as valid_to
    from events
    where
        event_type = 'program.joined'
        and occurred_at is null

),

-- Leaving what was never joined.
left_only as (

    select
        events.contact_id,
        events.program_id as named_program_id,
        {{ beginning_of_time() }} as valid_from,
        events.occurred_at as valid_to
    from events
    left join known on events.contact_id = known.contact_id
    where
        events.event_type = 'program.left'
        and (
            events.occurred_at < known.valid_from
            or known.valid_from is null
        )

),

-- A program that no event knows of.
never_joined as (

    select
        in_a_program.contact_id,
        in_a_program.program_id as named_program_id,
        coalesce(known.valid_to, {{ beginning_of_time() }}) as valid_from,
        {{ end_of_time() }} as valid_to
    from in_a_program
    left join known on in_a_program.contact_id = known.contact_id

),

uncertain as (

    select * from undated
    union distinct
    select * from left_only
    union distinct
    select * from never_joined

),

periods as (

    select
        contact_id,
        program_id,
        program_id as named_program_id,
        valid_from,
        valid_to,
        1 as is_certain
    from memberships
    union all
    select
        contact_id,
        cast(null as {{ dbt.type_string() }}) as program_id,
        named_program_id,
        valid_from,
        valid_to,
        0 as is_certain
    from uncertain

),

final as (

    select
        {{ surrogate_key([
            'contact_id',
            "coalesce(named_program_id, '')",
            'valid_from',
            'valid_to',
            'is_certain',
        ]) }} as possible_membership_id,
        contact_id,
        program_id,
        named_program_id,
        valid_from,
        valid_to,
        is_certain
    from periods
    where
        valid_from < valid_to
        and contact_id is not null

)

select * from final
