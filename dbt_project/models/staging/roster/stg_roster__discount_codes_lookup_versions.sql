with source as (

    {{ declared_source('roster', 'discount_codes_lookup_versions') }}

),

final as (

    select
        {{ surrogate_key(['id', '_sequence']) }}
            as discount_code_version_id,
        id as discount_code_id,
        code as discount_code,
        code_key as discount_code_key,
        discount_rule_id,
        {{ word('discount_rule_kind') }} as discount_rule_kind,
        contact_id,
        is_personal,
        assigned_at,
        updated_at,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
