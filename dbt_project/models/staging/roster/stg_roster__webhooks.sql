with source as (

    {{ declared_source('roster', 'webhooks') }}

),

final as (

    select
        id as webhook_id,
        topic,
        url as webhook_url,
        status as webhook_status,
        created_at,
        updated_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        _observed_at as observed_at
    from source

)

select * from final
