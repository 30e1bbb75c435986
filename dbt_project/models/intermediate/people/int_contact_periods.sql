{%- set called = [
    'email', 'first_name', 'last_name', 'social_handle', 'discord_handle', 'referral_id'
] -%}
{%- set fields = called + ['stage'] -%}
{%- set content = [] -%}
{%- for field in fields -%}
    {%- do content.append("coalesce(" ~ field ~ ", '')") -%}
{%- endfor -%}

with contacts as (

    select * from {{ ref('int_contacts') }}

),

versions as (

    select * from {{ ref('stg_roster__contacts_versions') }}

),

listed as (

    select * from {{ ref('stg_roster__contacts') }}

),

events as (

    select * from {{ ref('stg_roster__events') }}

),

-- What builds saw of contacts before there were versions.
snapshots as (

    select
        kept.*,
        kept.source_id as contact_id,
        {{ dbt.split_part('trim(kept.full_name)', "' '", 1) }} as first_name
    from {{ ref('stg_snapshots__snap_members') }} as kept
    inner join listed on kept.source_id = listed.contact_id
    where kept.source_system = 'roster'

),

last_snapshots as (

    select
        contact_id,
        max(valid_from) as last_snapshot_at
    from snapshots
    group by contact_id

),

memberships as (

    select * from {{ ref('int_possible_memberships') }}

),

missing_events as (

    select count(*) as missing_count
    from {{ ref('int_input_coverage') }}
    where
        endpoint = 'events'
        and aspect = 'reads'
        and not is_known
        and known_until is null

),

versioned as (

    select distinct contact_id
    from versions

),

told as (

    select
        contact_id,
        {%- for field in fields %}
            nullif(trim({{
                normalized('email', 'email_key') if field == 'email' else field
            }}), '') as {{ field }},
        {%- endfor %}
        coalesce(occurred_at, {{ beginning_of_time() }}) as claimed_at,
        event_id as claim_id
    from events
    where contact_id is not null

),

-- Most events repeat what the one before said.
compared as (

    select
        *,
        lag(told_values) over (
            partition by contact_id
            order by claimed_at, claim_id
        ) as previous_values
    from (
        select
            *,
            {{ concat_columns(content) }} as told_values
        from told
    ) as valued

),

records as (

    select
        contact_id,
        {{ normalized('email', 'email_key') }} as email,
        {%- for field in fields if field != 'email' %}
            {{ field }},
        {%- endfor %}
        changed_at as claimed_at,
        valid_from as read_at,
        sequence_number
    from versions
    where change_type <> 'deleted'

    union all

    -- Read before there were versions.
    select
        listed.contact_id,
        {{ normalized('listed.email', 'listed.email_key') }} as email,
        {%- for field in fields if field != 'email' %}
            listed.{{ field }},
        {%- endfor %}
        coalesce(listed.updated_at, listed.observed_at) as claimed_at,
        listed.observed_at as read_at,
        0 as sequence_number
    from listed
    left join versioned on listed.contact_id = versioned.contact_id
    where versioned.contact_id is null

    union all

    select
        contact_id,
        email,
        first_name,
        substring(trim(full_name), length(first_name) + 1) as last_name,
        social_handle,
        discord_handle,
        referral_id,
        contact_stage as stage, -- noqa: RF04
        valid_from as claimed_at,
        valid_from as read_at,
        -1 as sequence_number
    from snapshots

),

-- What the optional contacts endpoint says comes before every event.
claims as (

    select
        contact_id,
        {%- for field in fields %}
            {{ field }},
        {%- endfor %}
        claimed_at,
        0 as authority,
        0 as sequence_number,
        claim_id
    from compared
    where
        previous_values is null
        or told_values <> previous_values

    union all

    select
        records.contact_id,
        {%- for field in fields %}
            nullif(trim(records.{{ field }}), '') as {{ field }},
        {%- endfor %}
        case
            when
                last_snapshots.last_snapshot_at is null
                or records.sequence_number < 0
                or records.claimed_at > last_snapshots.last_snapshot_at
                then coalesce(records.claimed_at, {{ beginning_of_time() }})
            when records.read_at > last_snapshots.last_snapshot_at
                then records.read_at
            else last_snapshots.last_snapshot_at
        end as claimed_at,
        1 as authority,
        records.sequence_number,
        records.contact_id as claim_id
    from records
    left join last_snapshots on records.contact_id = last_snapshots.contact_id

),

-- Somebody is known of since the first record that has a date.
starts as (

    select
        contacts.contact_id,
        case
            when
                contacts.first_seen_at is not null
                and (
                    min(dated.claimed_at) is null
                    or contacts.first_seen_at < min(dated.claimed_at)
                )
                then contacts.first_seen_at
            else coalesce(min(dated.claimed_at), {{ start_of_history() }})
        end as started_at
    from contacts
    left join claims as dated
        on
            contacts.contact_id = dated.contact_id
            and dated.claimed_at > {{ beginning_of_time() }}
    group by contacts.contact_id, contacts.first_seen_at

),

-- When something may have become another, and what is said then.
steps as (

    select * from claims

    union all

    select
        bounds.contact_id,
        {%- for field in fields %}
            cast(null as {{ dbt.type_string() }}) as {{ field }},
        {%- endfor %}
        bounds.claimed_at,
        0 as authority,
        -1 as sequence_number,
        '' as claim_id
    from (
        select
            contact_id,
            started_at as claimed_at
        from starts
        union distinct
        select
            contact_id,
            valid_from as claimed_at
        from memberships
        union distinct
        select
            contact_id,
            valid_to as claimed_at
        from memberships
        where valid_to < {{ end_of_time() }}
    ) as bounds

),

placed as (

    select
        steps.*,
        case
            when steps.claimed_at < starts.started_at then starts.started_at
            else steps.claimed_at
        end as placed_at,
        row_number() over (
            partition by steps.contact_id
            order by
                case
                    when steps.claimed_at < starts.started_at then starts.started_at
                    else steps.claimed_at
                end,
                steps.authority,
                steps.claimed_at,
                steps.sequence_number,
                steps.claim_id
        ) as step_number
    from steps
    inner join starts on steps.contact_id = starts.contact_id

),

numbered as (

    select
        *,
        sum(authority) over (
            partition by contact_id
            order by step_number
            rows between unbounded preceding and current row
        ) as version_number,
        {%- for field in fields %}
            count(case when authority = 0 then {{ field }} end) over (
                partition by contact_id
                order by step_number
                rows between unbounded preceding and current row
            ) as {{ field }}_number,
        {%- endfor %}
        row_number() over (
            partition by contact_id, placed_at
            order by step_number desc
        ) as recency
    from placed

),

known as (

    select
        contact_id,
        placed_at,
        step_number,
        recency
        {%- for field in fields -%}
            ,
            coalesce(
                max(case when authority = 1 then {{ field }} end) over (
                    partition by contact_id, version_number
                ),
                max(case when authority = 0 then {{ field }} end) over (
                    partition by contact_id, {{ field }}_number
                )
            ) as {{ field }}
        {%- endfor %}
    from numbered

),

-- People were called as they were called first, for all that is known; the first stage
-- says nothing of the time before.
counted as (

    select
        *
        {%- for field in called -%}
            ,
            count({{ field }}) over (
                partition by contact_id
                order by step_number
                rows between unbounded preceding and current row
            ) as {{ field }}_known_number
        {%- endfor %}
    from known

),

called as (

    select
        contact_id,
        placed_at,
        recency,
        {%- for field in called %}
            case
                when {{ field }}_known_number = 0
                    then max(
                        case when {{ field }}_known_number = 1 then {{ field }} end
                    ) over (partition by contact_id)
                else {{ field }}
            end as {{ field }},
        {%- endfor %}
        stage
    from counted

),

in_programs as (

    select
        called.contact_id,
        called.placed_at,
        max(case when memberships.is_certain = 1 then memberships.program_id end)
            as program_id
    from called
    inner join memberships
        on
            called.contact_id = memberships.contact_id
            and called.placed_at >= memberships.valid_from
            and called.placed_at < memberships.valid_to
    where called.recency = 1
    group by called.contact_id, called.placed_at

),

states as (

    select
        called.contact_id,
        nullif(trim(
            {{ dbt.concat([
                "coalesce(called.first_name, '')",
                "' '",
                "coalesce(called.last_name, '')",
            ]) }}
        ), '') as full_name,
        called.email,
        called.social_handle,
        called.discord_handle,
        called.referral_id,
        called.stage,
        in_programs.program_id,
        case
            when in_programs.program_id is not null then true
            when
                in_programs.contact_id is null
                and missing_events.missing_count = 0
                then false
        end as is_active,
        'updated' as change_type,
        row_number() over (
            partition by called.contact_id
            order by called.placed_at
        ) as sequence_number,
        called.placed_at as valid_from
    from called
    cross join missing_events
    left join in_programs
        on
            called.contact_id = in_programs.contact_id
            and called.placed_at = in_programs.placed_at
    where called.recency = 1

),

periods as (

    {{ periods(
        'states',
        ['contact_id'],
        [
            'full_name', 'email', 'social_handle', 'discord_handle', 'referral_id',
            'stage', 'program_id', 'is_active',
        ]
    ) }}

),

final as (

    select
        {{ surrogate_key(['contact_id', 'valid_from']) }} as contact_period_id,
        contact_id,
        full_name,
        email,
        social_handle,
        discord_handle,
        referral_id,
        stage,
        program_id,
        is_active,
        valid_from,
        valid_to
    from periods

)

select * from final
