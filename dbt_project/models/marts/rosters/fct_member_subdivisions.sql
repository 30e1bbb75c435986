with periods as (

    select * from {{ ref('int_member_subdivision_periods') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'subdivision', 'valid_from']) }}
            as member_subdivision_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id', 'subdivision']) }} as subdivision_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from periods

)

select * from final
