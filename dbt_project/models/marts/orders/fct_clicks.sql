{{ config(
    materialized='incremental',
    unique_key='click_key',
    on_schema_change='append_new_columns',
) }}

with clicks as (

    select * from {{ ref('stg_roster__clicks') }}

),

link_owners as (

    select * from {{ ref('int_referral_id_owners') }}

),

derived as (

    select
        {{ surrogate_key(['clicks.click_id']) }} as click_key,
        clicks.click_id,
        clicks.referral_id,
        {{ or_unknown(surrogate_key(["'roster'", 'link_owners.contact_id'])) }}
            as member_key,
        {{ reporting_day('coalesce(clicks.clicked_at, clicks.sent_at)') }} as date_day,
        coalesce(clicks.clicked_at, clicks.sent_at) as clicked_at,
        clicks.landing_url,
        clicks.attempt_count,
        clicks.is_resent
    from clicks
    left join link_owners
        on
            {{ normalized('clicks.referral_id', 'clicks.referral_id_key') }}
            = link_owners.referral_id
            and coalesce(clicks.clicked_at, clicks.sent_at) >= link_owners.valid_from
            and coalesce(clicks.clicked_at, clicks.sent_at) < link_owners.valid_to

),

final as (

    {{ changed_rows('derived') }}

)

select * from final
