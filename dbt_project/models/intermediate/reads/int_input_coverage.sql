{#- Without the required ones nothing can be said of who an order is due to. -#}
{%- set inputs = [
    ('orders', 'stg_roster__orders', 'required'),
    ('events', 'stg_roster__events', 'required'),
    ('discount_codes_lookup', 'stg_roster__discount_codes_lookup', 'required'),
    ('discount_codes_by_rule', 'stg_roster__discount_codes_by_rule', 'optional'),
    ('contacts', 'stg_roster__contacts', 'optional'),
    ('programs', 'stg_roster__programs', 'other'),
    ('campaigns', 'stg_roster__campaigns', 'other'),
    ('channels', 'stg_roster__channels', 'other'),
    ('posts', 'stg_roster__posts', 'other'),
    ('comments', 'stg_roster__comments', 'other'),
    ('likes', 'stg_roster__likes', 'other'),
] -%}
{#- What the user switched off (`enabled: false` in a mapping), as source/endpoint. -#}
{%- set switched_off = env_var('ROSTER_PLATFORM__DBT_SWITCHED_OFF', '').split(',') -%}
{%- set is_switched_off -%}
    {{ dbt.concat(['inputs.source_system', "'/'", 'inputs.endpoint']) }}
    in ('{{ switched_off | join("', '") }}')
{%- endset -%}
{%- set recognised_kind -%}
    case
        when discount_rule_kind in ('shareable', 'leakproof', 'reward')
            then discount_rule_kind
    end
{%- endset -%}

with retired_pages as (

    select page_id from {{ ref('int_roster_pages') }}
    where is_retired

),

logged as (

    {% for source_system in ['roster', 'autorosters'] -%}
        select
            '{{ source_system }}' as source_system,
            endpoint,
            coalesce(part, '') as part,
            read_at,
            observed_at,
            outcome,
            proof
        from {{ ref('stg_' ~ source_system ~ '__reads') }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

reads as (

    select
        logged.*,
        row_number() over (
            partition by logged.source_system, logged.endpoint, logged.part
            order by logged.read_at desc
        ) as recency,
        sum(case when logged.outcome = 'complete' then 1 else 0 end) over (
            partition by logged.source_system, logged.endpoint, logged.part
            order by logged.read_at
            rows between unbounded preceding and current row
        ) as complete_so_far,
        sum(
            case when logged.outcome in ('complete', 'partial') then 0 else 1 end
        ) over (
            partition by logged.source_system, logged.endpoint, logged.part
            order by logged.read_at
            rows between unbounded preceding and current row
        ) as failed_so_far
    from logged
    left join retired_pages on logged.part = retired_pages.page_id
    where retired_pages.page_id is null

),

-- A read of what is new is only as good as the reads before it.
weighed as (

    select
        *,
        outcome = 'complete'
        or (
            outcome = 'partial'
            and (complete_so_far > 0 or failed_so_far = 0)
        ) as is_sound
    from reads

),

tries as (

    select
        source_system,
        endpoint,
        part,
        max(read_at) as last_tried_at,
        max(case when recency = 1 then outcome end) as last_outcome,
        max(case when recency = 1 then proof end) as last_proof,
        max(case when recency = 1 and is_sound then 1 else 0 end) = 1 as is_sound,
        max(case when is_sound then coalesce(observed_at, read_at) end)
            as known_until
    from weighed
    group by source_system, endpoint, part
    -- A page that is no longer configured lacks nothing.
    having max(case when recency = 1 then outcome end) <> 'retired'

),

inputs as (

    {% for endpoint, model, need in inputs -%}
        select
            'roster' as source_system,
            '{{ endpoint }}' as endpoint,
            '' as part,
            '{{ need }}' as need,
            count(*) as row_count
        from {{ ref(model) }}
        union all
    {% endfor -%}
    select
        source_system,
        endpoint,
        part,
        'other' as need,
        cast(null as {{ dbt.type_bigint() }}) as row_count
    from tries
    where
        source_system <> 'roster'
        or endpoint not in (
            {%- for endpoint, model, need in inputs -%}
                '{{ endpoint }}'{{ ', ' if not loop.last }}
            {%- endfor -%}
        )

),

-- A warehouse from before reads were logged has nothing against it.
logging_systems as (

    select distinct source_system
    from tries

),

by_reads as (

    select
        inputs.source_system,
        inputs.endpoint,
        inputs.part,
        'reads' as aspect,
        inputs.need in ('required', 'optional') as bears_on_attribution,
        inputs.row_count,
        case
            when {{ is_switched_off }} then false
            when tries.endpoint is not null then tries.is_sound
            else
                logging_systems.source_system is null
                or inputs.need <> 'required'
                or inputs.row_count > 0
        end as is_known,
        tries.known_until,
        tries.last_tried_at,
        tries.last_outcome,
        case
            when {{ is_switched_off }}
                then
                    'Not loaded: it is switched off by `enabled: false` in '
                    'mappings/roster.yaml.'
            else coalesce(tries.last_proof, 'It was never read.')
        end as reason
    from inputs
    left join tries
        on
            inputs.source_system = tries.source_system
            and inputs.endpoint = tries.endpoint
            and inputs.part = tries.part
    left join logging_systems
        on inputs.source_system = logging_systems.source_system

),

people as (

    select
        email,
        referral_id
    from {{ ref('stg_roster__events') }}
    union all
    select
        email,
        referral_id
    from {{ ref('stg_roster__contacts') }}

),

-- A field that no record has is one that the API sends under another name.
fields as (

    {% for endpoint, model, fields in [
        ('orders', 'stg_roster__orders', {
            'email': 'email',
            'referralId': 'referral_id',
            'createdAt or orderDate': 'coalesce(created_at, order_date)',
        }),
        ('events', 'stg_roster__events', {
            'contactId': 'contact_id',
            'occurredAt': 'occurred_at',
            "the type program.joined":
                "case when event_type = 'program.joined' then event_type end",
        }),
        ('discount_codes_lookup', 'stg_roster__discount_codes_lookup', {
            'code': 'discount_code',
            'contactId': 'contact_id',
            'assignedAt': 'assigned_at',
            'discountRuleKind': recognised_kind,
        }),
        ('discount_codes_by_rule', 'stg_roster__discount_codes_by_rule', {
            'code': 'discount_code',
            'contactId': 'contact_id',
            'assignedAt': 'assigned_at',
            'discountRuleKind': recognised_kind,
        }),
        ('contacts and events', 'people', {
            'email': 'email',
            'referralId': 'referral_id',
        }),
    ] -%}
        {%- for field, expression in fields.items() -%}
            select
                '{{ endpoint }}' as endpoint,
                '{{ field }}' as field,
                'fields' as aspect,
                count(*) as row_count,
                count({{ expression }}) as known_count
            from {{ ref(model) if model != 'people' else model }}
            union all
        {% endfor -%}
    {% endfor -%}
    {% for field, column in [
        ('subtotalPrice', 'subtotal_amount'),
        ('totalPrice', 'total_amount'),
        ('currency', 'currency'),
    ] -%}
        select
            'orders' as endpoint,
            '{{ field }}' as field,
            'amounts' as aspect,
            count(*) as row_count,
            count({{ column }}) as known_count
        from {{ ref('stg_roster__orders') }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

by_fields as (

    select
        'roster' as source_system,
        endpoint,
        field as part,
        aspect,
        aspect = 'fields' as bears_on_attribution,
        row_count,
        case
            when aspect = 'fields' then row_count = 0 or known_count > 0
            else known_count = row_count
        end as is_known,
        cast(null as {{ raw_type('timestamp') }}) as known_until,
        cast(null as {{ raw_type('timestamp') }}) as last_tried_at,
        cast(null as {{ dbt.type_string() }}) as last_outcome,
        {{ dbt.concat([
            'cast(row_count - known_count as ' ~ dbt.type_string() ~ ')',
            "' of '",
            'cast(row_count as ' ~ dbt.type_string() ~ ')',
            "' records come without '",
            'field',
            "'.'",
        ]) }} as reason
    from fields

),

known_links as (

    select distinct referral_id
    from {{ ref('int_referral_id_owners') }}

),

-- People of whom no record says enough. Their own orders are unknown, not all of them.
unresolved as (

    select
        'orders' as endpoint,
        'referralId of a known contact' as part,
        count(*) as row_count,
        count(case when known_links.referral_id is null then 1 end) as unknown_count,
        'orders came by a referral id that no known contact has or had. If your API '
        'returns contacts, set SOURCES__ROSTER_SOURCE__CONTACTS_PATH.' as problem
    from {{ ref('stg_roster__orders') }} as orders
    left join known_links
        on
            {{ normalized('orders.referral_id', 'orders.referral_id_key') }}
            = known_links.referral_id
    where
        {{ normalized('orders.referral_id', 'orders.referral_id_key') }} is not null
    union all
    select
        'events' as endpoint,
        'program.joined of every member' as part,
        count(distinct contact_id) as row_count,
        count(distinct case when is_certain = 0 then contact_id end) as unknown_count,
        'contacts are or were in a program, and no event says since when.' as problem
    from {{ ref('int_possible_memberships') }}

),

by_people as (

    select
        'roster' as source_system,
        endpoint,
        part,
        'people' as aspect,
        false as bears_on_attribution,
        row_count,
        unknown_count = 0 as is_known,
        cast(null as {{ raw_type('timestamp') }}) as known_until,
        cast(null as {{ raw_type('timestamp') }}) as last_tried_at,
        cast(null as {{ dbt.type_string() }}) as last_outcome,
        {{ dbt.concat([
            'cast(unknown_count as ' ~ dbt.type_string() ~ ')',
            "' of '",
            'cast(row_count as ' ~ dbt.type_string() ~ ')',
            "' '",
            'problem',
        ]) }} as reason
    from unresolved

),

all_inputs as (

    select * from by_reads
    union all
    select * from by_fields
    union all
    select * from by_people

),

final as (

    select
        {{ surrogate_key(['source_system', 'endpoint', 'part', 'aspect']) }}
            as input_coverage_id,
        source_system,
        endpoint,
        part,
        aspect,
        bears_on_attribution,
        row_count,
        is_known,
        known_until,
        last_tried_at,
        last_outcome,
        case when not is_known then reason end as reason
    from all_inputs

)

select * from final
