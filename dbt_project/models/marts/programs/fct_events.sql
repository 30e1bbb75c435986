{{ config(
    materialized='incremental',
    unique_key='event_key',
    on_schema_change='append_new_columns',
) }}

with events as (

    select * from {{ ref('stg_roster__events') }}

),

derived as (

    select
        {{ surrogate_key(['event_id']) }} as event_key,
        event_id,
        event_type,
        {{ or_unknown(surrogate_key(["'roster'", 'contact_id'])) }} as member_key,
        {{ or_none_when(
            surrogate_key(['program_id']), "event_type like 'contact.%'"
        ) }} as program_key,
        order_id,
        stage as new_contact_stage,
        reward_id,
        cast(amount as decimal(18, 4)) as event_amount,
        currency as event_currency,
        {{ reporting_day('occurred_at') }} as date_day,
        occurred_at
    from events

),

final as (

    {{ changed_rows('derived') }}

)

select * from final
