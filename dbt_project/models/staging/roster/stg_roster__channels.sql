with source as (

    {{ declared_source('roster', 'channels') }}

),

final as (

    select
        id as channel_id,
        name as channel_name,
        description as channel_description,
        program_id,
        created_at,
        updated_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        _observed_at as observed_at
    from source

)

select * from final
