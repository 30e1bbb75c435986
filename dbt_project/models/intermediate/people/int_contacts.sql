with events as (

    select * from {{ ref('stg_roster__events') }}

),

contacts as (

    select * from {{ ref('stg_roster__contacts') }}

),

posts as (

    select * from {{ ref('stg_roster__posts') }}

),

comments as (

    select * from {{ ref('stg_roster__comments') }}

),

likes as (

    select * from {{ ref('stg_roster__likes') }}

),

codes as (

    select * from {{ ref('int_discount_codes') }}

),

participants as (

    select * from {{ ref('stg_roster__campaigns_participants') }}

),

sightings as (

    select
        contact_id,
        occurred_at as seen_at,
        observed_at
    from events
    union all
    select
        contact_id,
        created_at as seen_at,
        observed_at
    from contacts
    union all
    select
        contact_id,
        created_at as seen_at,
        observed_at
    from posts
    union all
    select
        contact_id,
        created_at as seen_at,
        observed_at
    from comments
    union all
    select
        contact_id,
        created_at as seen_at,
        observed_at
    from likes
    union all
    select
        contact_id,
        assigned_at as seen_at,
        observed_at
    from codes
    union all
    select
        contact_id,
        added_at as seen_at,
        observed_at
    from participants

),

people as (

    select
        contact_id,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at,
        max(observed_at) as observed_at
    from sightings
    where contact_id is not null
    group by contact_id

),

-- What the optional contacts endpoint says comes after every event.
claims as (

    select
        contact_id,
        {{ normalized('email', 'email_key') }} as email,
        first_name,
        last_name,
        social_handle,
        discord_handle,
        discord_handle_key,
        referral_id,
        stage,
        0 as authority,
        occurred_at as claimed_at,
        event_id as claim_id
    from events
    where contact_id is not null

    union all

    select
        contact_id,
        {{ normalized('email', 'email_key') }} as email,
        first_name,
        last_name,
        social_handle,
        discord_handle,
        discord_handle_key,
        referral_id,
        stage,
        1 as authority,
        updated_at as claimed_at,
        contact_id as claim_id
    from contacts

),

latest as (

    select
        contact_id,
        {%- for field in [
            'email',
            'first_name',
            'last_name',
            'social_handle',
            'discord_handle',
            'discord_handle_key',
            'referral_id',
            'stage',
        ] %}
        {{ latest_known(
            "nullif(trim(" ~ field ~ "), '')", ['authority', 'claimed_at', 'claim_id']
        ) }} as {{ field }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from claims
    group by contact_id

),

final as (

    select
        people.contact_id,
        latest.email,
        latest.first_name,
        latest.last_name,
        latest.social_handle,
        latest.discord_handle,
        latest.discord_handle_key,
        latest.referral_id,
        latest.stage,
        people.first_seen_at,
        people.last_seen_at,
        people.observed_at
    from people
    left join latest on people.contact_id = latest.contact_id

)

select * from final
