with events as (

    select * from {{ ref('stg_roster__events') }}

),

versions as (

    select
        *,
        {{ normalized('email', 'email_key') }} as normalized_email,
        {{ normalized('referral_id', 'referral_id_key') }} as normalized_referral_id
    from {{ ref('stg_roster__contacts_versions') }}

),

contacts as (

    select * from {{ ref('stg_roster__contacts') }}

),

versioned as (

    select distinct contact_id
    from versions

),

-- A contact claims anew what its version before did not say.
compared as (

    select
        contact_id,
        sequence_number,
        {%- for column in ['email', 'referral_id'] %}
            case
                when
                    normalized_{{ column }} = lag(normalized_{{ column }}) over (
                        partition by contact_id
                        order by sequence_number
                    )
                    then null
                else normalized_{{ column }}
            end as {{ column }},
        {%- endfor %}
        changed_at
    from versions

),

claims as (

    select
        {{ surrogate_key(["'event'", 'event_id']) }} as contact_claim_id,
        contact_id,
        {{ normalized('email', 'email_key') }} as email,
        {{ normalized('referral_id', 'referral_id_key') }} as referral_id,
        coalesce(occurred_at, {{ beginning_of_time() }}) as claimed_at,
        0 as authority
    from events

    union all

    select
        {{ surrogate_key(["'contact'", 'contact_id', 'sequence_number']) }}
            as contact_claim_id,
        contact_id,
        email,
        referral_id,
        changed_at as claimed_at,
        sequence_number as authority
    from compared

    union all

    -- Read before there were versions.
    select
        {{ surrogate_key(["'contact'", 'contacts.contact_id', '0']) }}
            as contact_claim_id,
        contacts.contact_id,
        {{ normalized('contacts.email', 'contacts.email_key') }} as email,
        {{ normalized('contacts.referral_id', 'contacts.referral_id_key') }}
            as referral_id,
        coalesce(contacts.updated_at, contacts.observed_at) as claimed_at,
        1 as authority
    from contacts
    left join versioned on contacts.contact_id = versioned.contact_id
    where versioned.contact_id is null

),

final as (

    select
        contact_claim_id,
        contact_id,
        email,
        referral_id,
        claimed_at,
        authority
    from claims
    where
        contact_id is not null
        and (
            email is not null
            or referral_id is not null
        )

)

select * from final
