with source as (

    {{ declared_source('autorosters', 'user_subdivisions_versions') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'subdivision', '_sequence']) }}
            as user_subdivision_version_id,
        page_id,
        discord_id,
        subdivision,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
