with periods as (

    select * from {{ ref('int_member_certification_periods') }}

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
