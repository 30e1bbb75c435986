with source as (

    {{ declared_source('roster', 'comments') }}

),

final as (

    select
        id as comment_id,
        post_id,
        author_id as contact_id,
        author_name,
        body as comment_body,
        created_at,
        updated_at,
        _observed_at as observed_at
    from source
    where not coalesce(is_deleted, false)

)

select * from final
