with source as (

    {{ declared_source('roster', 'clicks') }}

),

final as (

    select
        click_id,
        referral_id,
        referral_id_key,
        url as landing_url,
        clicked_at,
        sent_at,
        status as response_status,
        response_id,
        response as response_json,
        attempts as attempt_count,
        resent as is_resent,
        source_file,
        source_line,
        _observed_at as observed_at
    from source

)

select * from final
