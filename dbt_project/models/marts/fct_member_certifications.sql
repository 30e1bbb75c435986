with history as (

    select * from {{ ref('snap_member_certifications') }}

),

page_loads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

periods as (

    select
        history.page_id,
        history.discord_id,
        history.certification,
        history.dbt_valid_from as valid_from,
        case
            when history.dbt_valid_to is not null
                then {{ page_period_end('history', 'page_loads') }}
        end as valid_to
    from history

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'certification', 'valid_from']) }}
            as member_certification_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id', 'certification']) }} as certification_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from periods

)

select * from final
