with source as (

    {{ declared_source('autorosters', 'user_certifications') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'certification']) }}
            as member_certification_id,
        page_id,
        discord_id,
        certification,
        _observed_at as observed_at
    from source

)

select * from final
