{%- set days_after = var('strike_days') | int - 1 -%}

with entered as (

    select
        nullif(trim(page_id), '') as page_id,
        trim(discord_id) as discord_id,
        issued_on as first_day,
        coalesce(
            expires_on,
            cast({{ dbt.dateadd('day', days_after, 'issued_on') }} as date)
        ) as last_day,
        reason
    from {{ ref('strikes') }}

),

final as (

    select
        {{ surrogate_key([
            "coalesce(page_id, '')",
            'discord_id',
            'first_day',
            "coalesce(reason, '')",
        ]) }} as strike_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        first_day,
        last_day,
        reason
    from entered

)

select * from final
