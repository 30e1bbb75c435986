with codes as (

    select * from {{ ref('int_discount_codes') }}

),

described as (

    select
        {{ surrogate_key(['discount_code_id']) }} as discount_code_key,
        discount_code_id,
        discount_code,
        normalized_code,
        discount_rule_id,
        discount_rule_name,
        discount_rule_kind,
        is_personal,
        {{ or_none_if_sent(surrogate_key(["'roster'", 'contact_id']), 'contact_id') }}
            as member_key,
        assigned_at,
        is_deleted as is_code_deleted
    from codes

),

final as (

    {{ with_placeholders(
        'described',
        ['discount_code_key', 'member_key'],
        names=['discount_code'],
        flags=['is_code_deleted']
    ) }}

)

select * from final
