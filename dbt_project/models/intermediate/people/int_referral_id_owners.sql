-- An ambassador may rename the smart link; orders and clicks keep the id they came by.
with claims as (

    select * from {{ ref('int_contact_claims') }}

),

-- An id is one contact's at a time, also if two should claim it at once.
claimed_once as (

    select
        referral_id,
        claimed_at,
        min(contact_id) as contact_id
    from claims
    where referral_id is not null
    group by referral_id, claimed_at

),

compared as (

    select
        *,
        lag(contact_id) over (
            partition by referral_id
            order by claimed_at
        ) as previous_contact_id
    from claimed_once

),

periods as (

    select
        referral_id,
        contact_id,
        -- Whoever is first known to have it had it before, for all that is known.
        case
            when previous_contact_id is null then {{ beginning_of_time() }}
            else claimed_at
        end as valid_from,
        coalesce(
            lead(claimed_at) over (
                partition by referral_id
                order by claimed_at
            ),
            {{ end_of_time() }}
        ) as valid_to
    from compared
    where
        previous_contact_id is null
        or contact_id <> previous_contact_id

),

final as (

    select
        {{ surrogate_key(['referral_id', 'valid_from']) }} as referral_id_owner_id,
        referral_id,
        contact_id,
        valid_from,
        valid_to
    from periods

)

select * from final
