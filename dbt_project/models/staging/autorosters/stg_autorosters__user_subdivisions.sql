with source as (

    {{ declared_source('autorosters', 'user_subdivisions') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'subdivision']) }}
            as member_subdivision_id,
        page_id,
        discord_id,
        subdivision,
        _observed_at as observed_at
    from source

)

select * from final
