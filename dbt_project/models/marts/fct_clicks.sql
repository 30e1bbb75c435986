{{ config(
    materialized='incremental',
    unique_key='click_key',
    on_schema_change='append_new_columns',
) }}

with clicks as (

    select * from {{ ref('stg_roster__clicks') }}

),

contacts as (

    select
        contact_id,
        {{ normalized('referral_id') }} as referral_id
    from {{ ref('int_contacts') }}

),

-- A smart link is one contact's; should two claim it, the click is still one row.
link_owners as (

    select
        referral_id,
        min(contact_id) as contact_id
    from contacts
    where referral_id is not null
    group by referral_id

),

derived as (

    select
        {{ surrogate_key(['clicks.click_id']) }} as click_key,
        clicks.click_id,
        clicks.referral_id,
        case
            when link_owners.contact_id is not null
                then {{ surrogate_key(["'roster'", 'link_owners.contact_id']) }}
        end as member_key,
        cast(coalesce(clicks.clicked_at, clicks.sent_at) as date) as date_day,
        coalesce(clicks.clicked_at, clicks.sent_at) as clicked_at,
        clicks.landing_url,
        clicks.attempt_count,
        clicks.is_resent
    from clicks
    left join link_owners
        on {{ normalized('clicks.referral_id') }} = link_owners.referral_id

),

final as (

    {{ changed_rows('derived') }}

)

select * from final
