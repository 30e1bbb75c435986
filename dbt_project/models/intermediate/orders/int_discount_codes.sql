with looked_up as (

    select * from {{ ref('stg_roster__discount_codes_lookup') }}

),

by_rule as (

    select * from {{ ref('stg_roster__discount_codes_by_rule') }}

),

listed as (

    select
        discount_code_id,
        discount_code,
        discount_code_key,
        discount_rule_id,
        discount_rule_name,
        discount_rule_kind,
        contact_id,
        is_personal,
        assigned_at,
        updated_at,
        is_deleted,
        observed_at,
        0 as listing
    from looked_up

    union all

    select
        discount_code_id,
        discount_code,
        discount_code_key,
        discount_rule_id,
        discount_rule_name,
        discount_rule_kind,
        contact_id,
        is_personal,
        assigned_at,
        updated_at,
        is_deleted,
        observed_at,
        1 as listing
    from by_rule

),

-- Both endpoints list a code; the lookup wins, the rule's list fills what it lacks. A
-- code is deleted when neither lists it.
ranked as (

    select
        *,
        row_number() over (
            partition by discount_code_id
            order by is_deleted asc, listing asc, updated_at desc, discount_rule_id asc
        ) as preference
    from listed

),

final as (

    select
        discount_code_id,
        discount_code,
        {{ normalized('discount_code', 'discount_code_key') }} as normalized_code,
        discount_rule_id,
        discount_rule_name,
        discount_rule_kind,
        contact_id,
        -- Without the flag a code is not personal, unless no code has the flag.
        case
            when is_personal is not null then is_personal
            when count(is_personal) over () > 0 then false
        end as is_personal,
        assigned_at,
        is_deleted,
        observed_at
    from ranked
    where preference = 1

)

select * from final
