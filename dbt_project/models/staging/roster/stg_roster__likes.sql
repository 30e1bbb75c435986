with source as (

    {{ declared_source('roster', 'likes') }}

),

final as (

    select
        id as like_id,
        post_id,
        author_id as contact_id,
        created_at,
        _observed_at as observed_at
    from source
    where not coalesce(is_deleted, false)

)

select * from final
