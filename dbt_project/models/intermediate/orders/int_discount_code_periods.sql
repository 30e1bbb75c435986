{%- set listings = [
    ('lookup', 'discount_codes_lookup', "''"),
    ('rule', 'discount_codes_by_rule', "coalesce(discount_rule_id, '')"),
] -%}
{%- set traits = [
    'normalized_code', 'discount_rule_kind', 'contact_id', 'is_personal', 'assigned_at'
] -%}

with logged as (

    {% for listing, table, part in listings -%}
        select
            discount_code_id,
            {{ dbt.concat(["'" ~ listing ~ " '", part]) }} as listing,
            {{ normalized('discount_code', 'discount_code_key') }}
                as normalized_code,
            discount_rule_kind,
            contact_id,
            case when is_personal then 1 when not is_personal then 0 end
                as is_personal,
            assigned_at,
            updated_at,
            valid_from,
            sequence_number,
            change_type
        from {{ ref('stg_roster__' ~ table ~ '_versions') }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

listed_now as (

    {% for listing, table, part in listings -%}
        select
            discount_code_id,
            {{ dbt.concat(["'" ~ listing ~ " '", part]) }} as listing,
            {{ normalized('discount_code', 'discount_code_key') }}
                as normalized_code,
            discount_rule_kind,
            contact_id,
            case when is_personal then 1 when not is_personal then 0 end
                as is_personal,
            assigned_at,
            updated_at
        from {{ ref('stg_roster__' ~ table) }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

first_versions as (

    select
        discount_code_id,
        listing,
        change_type,
        row_number() over (
            partition by discount_code_id, listing
            order by sequence_number
        ) as place
    from logged

),

-- Where no version says what a code was at first, it was what the table says.
versions as (

    select * from logged

    union all

    select
        listed_now.*,
        {{ beginning_of_time() }} as valid_from,
        0 as sequence_number,
        'inserted' as change_type
    from listed_now
    left join first_versions
        on
            listed_now.discount_code_id = first_versions.discount_code_id
            and listed_now.listing = first_versions.listing
            and first_versions.place = 1
    where
        first_versions.discount_code_id is null
        or first_versions.change_type = 'deleted'

),

-- What a version does not say, the next one that says it does.
numbered as (

    select
        *,
        {%- for column in ['normalized_code', 'discount_rule_kind', 'is_personal'] %}
            count({{ column }}) over (
                partition by discount_code_id, listing
                order by sequence_number
                rows between current row and unbounded following
            ) as {{ column }}_number,
        {%- endfor %}
        min(assigned_at) over (
            partition by discount_code_id, listing, contact_id
            order by sequence_number
            rows between current row and unbounded following
        ) as earliest_assigned_at
    from versions

),

filled as (

    select
        discount_code_id,
        listing,
        contact_id,
        earliest_assigned_at as assigned_at,
        updated_at,
        valid_from,
        sequence_number,
        {%- for column in ['normalized_code', 'discount_rule_kind', 'is_personal'] %}
            max({{ column }}) over (
                partition by discount_code_id, listing, {{ column }}_number
            ) as {{ column }},
        {%- endfor %}
        change_type
    from numbered

),

listed as (

    {{ periods('filled', ['discount_code_id', 'listing'], traits, ['updated_at']) }}

),

all_bounds as (

    select
        discount_code_id,
        valid_from
    from listed
    union distinct
    select
        discount_code_id,
        valid_to as valid_from
    from listed
    where valid_to is not null

),

-- Both endpoints list a code; the lookup wins. It is deleted when neither lists it.
candidates as (

    select
        all_bounds.discount_code_id,
        all_bounds.valid_from,
        {%- for trait in traits + ['updated_at'] %}
            listed.{{ trait }},
        {%- endfor %}
        case when listed.discount_code_id is null then 'deleted' else 'updated' end
            as change_type,
        row_number() over (
            partition by all_bounds.discount_code_id, all_bounds.valid_from
            order by listed.listing
        ) as place
    from all_bounds
    left join listed
        on
            all_bounds.discount_code_id = listed.discount_code_id
            and all_bounds.valid_from >= listed.valid_from
            and (
                all_bounds.valid_from < listed.valid_to
                or listed.valid_to is null
            )

),

states as (

    select
        *,
        row_number() over (
            partition by discount_code_id
            order by valid_from
        ) as sequence_number
    from candidates
    where place = 1

),

merged as (

    {{ periods('states', ['discount_code_id'], traits, ['updated_at']) }}

),

compared as (

    select
        *,
        lag(valid_from) over (
            partition by discount_code_id
            order by valid_from
        ) as previous_valid_from,
        count(is_personal) over () as flag_count,
        contact_id is not null
        and count(contact_id) over (
            partition by discount_code_id
            order by valid_from
            rows between unbounded preceding and current row
        ) = 1 as is_first_owner
    from merged

),

-- The first owner had it since it was assigned, or nobody knows since when. A later one
-- has it since it was assigned or changed, if that lies after the read before.
assigned as (

    select
        *,
        case
            when is_first_owner then coalesce(assigned_at, {{ beginning_of_time() }})
            when assigned_at > previous_valid_from then assigned_at
            when
                updated_at > previous_valid_from
                and updated_at <= valid_from
                then updated_at
            else valid_from
        end as owned_from,
        case when is_first_owner and assigned_at is null then 0 else 1 end
            as is_dated
    from compared

),

bounded as (

    select
        *,
        coalesce(valid_to, {{ end_of_time() }}) as listed_to,
        coalesce(
            lead(owned_from) over (
                partition by discount_code_id
                order by valid_from
            ),
            {{ end_of_time() }}
        ) as next_owned_from
    from assigned

),

final as (

    select
        {{ surrogate_key(['discount_code_id', 'valid_from']) }}
            as discount_code_period_id,
        discount_code_id,
        normalized_code,
        discount_rule_kind,
        -- Without the flag a code is not personal, unless no code has the flag.
        case
            when is_personal is not null then is_personal = 1
            when flag_count > 0 then false
        end as is_personal,
        contact_id,
        is_dated,
        owned_from as valid_from,
        case when next_owned_from < listed_to then next_owned_from else listed_to end
            as valid_to
    from bounded
    where
        owned_from < next_owned_from
        and owned_from < listed_to

)

select * from final
