with source as (

    {{ declared_source('roster', 'campaigns__participants') }}

),

final as (

    select
        {{ surrogate_key(['campaign_id', 'contact_id']) }} as participation_id,
        campaign_id,
        contact_id,
        {{ word('status') }} as participation_status,
        added_at,
        sent_at,
        opened_at,
        joined_at,
        completed_at,
        _observed_at as observed_at
    from source

)

select * from final
