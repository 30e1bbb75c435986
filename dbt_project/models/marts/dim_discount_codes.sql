with codes as (

    select * from {{ ref('int_discount_codes') }}

),

final as (

    select
        {{ surrogate_key(['discount_code_id']) }} as discount_code_key,
        discount_code_id,
        discount_code,
        normalized_code,
        discount_rule_id,
        discount_rule_name,
        discount_rule_kind,
        is_personal,
        {{ surrogate_key(["'roster'", 'contact_id']) }} as member_key,
        assigned_at,
        is_deleted
    from codes

)

select * from final
