with periods as (

    select * from {{ ref('int_discount_code_periods') }}

),

final as (

    select
        discount_code_period_id as discount_code_owner_id,
        discount_code_id,
        normalized_code,
        discount_rule_kind,
        is_personal,
        contact_id,
        is_dated,
        valid_from,
        valid_to
    from periods
    where contact_id is not null

)

select * from final
