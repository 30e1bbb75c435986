with source as (

    {{ declared_source('roster', 'programs_versions') }}

),

final as (

    select
        {{ surrogate_key(['id', '_sequence']) }} as program_version_id,
        id as program_id,
        name as program_name,
        {{ word('status') }} as status,
        {{ currency_code() }} as currency,
        {{ word('commission_type') }} as commission_type,
        commission_value,
        look_back_days,
        {{ changed_at(['id']) }} as changed_at,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
