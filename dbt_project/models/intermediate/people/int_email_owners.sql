-- A contact keeps every e-mail it had, until somebody else has it.
with claims as (

    select * from {{ ref('int_contact_claims') }}
    where email is not null

),

compared as (

    select
        *,
        lag(email) over (
            partition by contact_id
            order by claimed_at, authority, contact_claim_id
        ) as previous_email
    from claims

),

-- From when to when it was the contact's last e-mail.
uses as (

    select
        contact_id,
        email,
        claimed_at as used_from,
        coalesce(
            lead(claimed_at) over (
                partition by contact_id
                order by claimed_at, authority, contact_claim_id
            ),
            {{ end_of_time() }}
        ) as used_to
    from compared
    where
        previous_email is null
        or email <> previous_email

),

first_claims as (

    select
        email,
        min(claimed_at) as claimed_at
    from claims
    group by email

),

-- Whoever uses it when the contact no longer does has it from then on.
successions as (

    select
        uses.contact_id,
        uses.email,
        uses.used_from,
        min(
            case
                when rivals.used_from > uses.used_to then rivals.used_from
                else uses.used_to
            end
        ) as succeeded_at
    from uses
    inner join uses as rivals
        on
            uses.email = rivals.email
            and uses.contact_id <> rivals.contact_id
            and uses.used_to < rivals.used_to
    group by uses.contact_id, uses.email, uses.used_from

),

-- Whoever is first known to have it had it before, for all that is known.
dated as (

    select
        uses.contact_id,
        uses.email,
        case
            when uses.used_from = first_claims.claimed_at
                then {{ beginning_of_time() }}
            else uses.used_from
        end as valid_from,
        coalesce(successions.succeeded_at, {{ end_of_time() }}) as valid_to
    from uses
    inner join first_claims on uses.email = first_claims.email
    left join successions
        on
            uses.contact_id = successions.contact_id
            and uses.email = successions.email
            and uses.used_from = successions.used_from

),

periods as (

    select
        email,
        contact_id,
        valid_from,
        max(valid_to) as valid_to
    from dated
    group by email, contact_id, valid_from

),

final as (

    select
        {{ surrogate_key(['email', 'contact_id', 'valid_from']) }} as email_owner_id,
        email,
        contact_id,
        valid_from,
        valid_to
    from periods

)

select * from final
