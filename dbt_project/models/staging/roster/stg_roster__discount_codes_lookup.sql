with source as (

    {{ declared_source('roster', 'discount_codes_lookup') }}

),

final as (

    select
        id as discount_code_id,
        code as discount_code,
        code_key as discount_code_key,
        discount_rule_id,
        discount_rule_name,
        {{ word('discount_rule_kind') }} as discount_rule_kind,
        contact_id,
        is_personal,
        assigned_at,
        created_at,
        updated_at,
        coalesce(is_deleted, false) as is_deleted,
        deleted_at,
        _observed_at as observed_at
    from source

)

select * from final
