with source as (

    {{ declared_source('autorosters', 'user_certifications_versions') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'certification', '_sequence']) }}
            as user_certification_version_id,
        page_id,
        discord_id,
        certification,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
