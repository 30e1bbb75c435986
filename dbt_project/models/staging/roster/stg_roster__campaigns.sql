with source as (

    {{ declared_source('roster', 'campaigns') }}

),

final as (

    select
        id as campaign_id,
        name as campaign_name,
        program_id,
        {{ word('status') }} as status,
        start_date,
        end_date,
        created_at,
        updated_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        _observed_at as observed_at
    from source

)

select * from final
