with source as (

    {{ declared_source('autorosters', 'pages_versions') }}

),

final as (

    select
        {{ surrogate_key(['page_id', '_sequence']) }} as page_version_id,
        page_id,
        custom_title as page_title,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
