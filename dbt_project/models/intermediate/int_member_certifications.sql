with certifications as (

    select * from {{ ref('stg_autorosters__user_certifications') }}

),

final as (

    select
        member_certification_id,
        page_id,
        discord_id,
        certification,
        observed_at
    from certifications

)

select * from final
