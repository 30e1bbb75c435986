with source as (

    {{ declared_source('roster', 'posts') }}

),

final as (

    select
        id as post_id,
        channel_id,
        author_id as contact_id,
        author_name,
        body as post_body,
        reach,
        created_at,
        updated_at,
        _observed_at as observed_at
    from source
    where not coalesce(is_deleted, false)

)

select * from final
