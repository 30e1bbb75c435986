with periods as (

    select
        *,
        row_number() over (
            partition by discount_code_id
            order by valid_from
        ) as place
    from {{ ref('int_discount_code_periods') }}

),

-- Before it was first assigned, a code belonged to nobody.
owned as (

    select
        discount_code_id,
        normalized_code,
        discount_rule_kind,
        is_personal,
        contact_id,
        is_dated,
        valid_from,
        nullif(valid_to, {{ end_of_time() }}) as valid_to
    from periods

    union all

    select
        discount_code_id,
        normalized_code,
        discount_rule_kind,
        is_personal,
        cast(null as {{ dbt.type_string() }}) as contact_id,
        1 as is_dated,
        {{ start_of_history() }} as valid_from,
        valid_from as valid_to
    from periods
    where
        place = 1
        and contact_id is not null
        and valid_from > {{ start_of_history() }}

),

versions as (

    {{ unbroken('owned', ['discount_code_id'], [
        'normalized_code',
        'discount_rule_kind',
        'is_personal',
        'contact_id',
        'is_dated',
    ]) }}

),

described as (

    select
        {{ surrogate_key(['discount_code_id', 'valid_from']) }}
            as discount_code_version_key,
        {{ surrogate_key(['discount_code_id']) }} as discount_code_key,
        discount_code_id,
        normalized_code,
        discount_rule_kind,
        is_personal,
        case
            when is_deleted then 'none'
            else
                {{ or_none_if_sent(
                    surrogate_key(["'roster'", 'contact_id']), 'contact_id'
                ) }}
        end as member_key,
        is_dated = 1 as is_dated,
        is_deleted as is_code_deleted,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from versions

),

final as (

    {{ with_placeholders(
        'described',
        ['discount_code_version_key', 'discount_code_key', 'member_key'],
        names=['normalized_code'],
        flags=['is_code_deleted', 'is_current'],
        begins='valid_from'
    ) }}

)

select * from final
