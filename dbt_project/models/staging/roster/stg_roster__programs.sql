with source as (

    {{ declared_source('roster', 'programs') }}

),

final as (

    select
        id as program_id,
        name as program_name,
        {{ word('status') }} as status,
        {{ currency_code() }} as currency,
        {{ word('commission_type') }} as commission_type,
        commission_value,
        look_back_days,
        created_at,
        updated_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        _observed_at as observed_at
    from source

)

select * from final
