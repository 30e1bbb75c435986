with source as (

    {{ declared_source('autorosters', 'pages') }}

),

final as (

    select
        page_id,
        owner_id,
        custom_title as page_title,
        description as page_description,
        custom_url_path,
        public_url,
        certifications as certifications_json,
        subdivisions as subdivisions_json,
        _observed_at as observed_at
    from source

)

select * from final
