with read_pages as (

    select last_read_at
    from {{ ref('int_roster_pages') }}
    where not is_retired

),

held as (

    {% for source_system, subject, model, read_at in [
        ('roster', 'programs', 'stg_roster__programs', 'observed_at'),
        ('roster', 'campaigns', 'stg_roster__campaigns', 'observed_at'),
        ('roster', 'orders', 'stg_roster__orders', 'observed_at'),
        ('roster', 'events', 'stg_roster__events', 'observed_at'),
        ('roster', 'discount codes', 'stg_roster__discount_codes_lookup', 'observed_at'),
        ('roster', 'channels', 'stg_roster__channels', 'observed_at'),
        ('roster', 'posts', 'stg_roster__posts', 'observed_at'),
        ('roster', 'comments', 'stg_roster__comments', 'observed_at'),
        ('roster', 'likes', 'stg_roster__likes', 'observed_at'),
        ('roster', 'clicks', 'stg_roster__clicks', 'sent_at'),
        ('autorosters', 'roster pages', 'read_pages', 'last_read_at'),
    ] -%}
        select
            '{{ source_system }}' as source_system,
            '{{ subject }}' as subject,
            count(*) as row_count,
            max({{ read_at }}) as last_read_at
        from {{ ref(model) if model != 'read_pages' else model }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

coverage as (

    select
        source_system,
        case
            when source_system = 'autorosters' then 'roster pages'
            when endpoint = 'discount_codes_lookup' then 'discount codes'
            else endpoint
        end as subject,
        known_until,
        last_tried_at,
        case when is_known then 1 else 0 end as is_known
    from {{ ref('int_input_coverage') }}
    where aspect = 'reads'

),

tried as (

    select
        source_system,
        subject,
        max(known_until) as known_until,
        max(last_tried_at) as last_tried_at,
        min(is_known) = 1 as is_complete
    from coverage
    group by source_system, subject

),

-- A read that changed nothing is one all the same.
reads as (

    select
        held.source_system,
        held.subject,
        held.row_count,
        case
            when held.last_read_at is null or tried.known_until > held.last_read_at
                then tried.known_until
            else held.last_read_at
        end as last_read_at,
        tried.last_tried_at,
        case
            when held.last_read_at is null and tried.last_tried_at is null then null
            else coalesce(tried.is_complete, true)
        end as is_complete
    from held
    left join tried
        on
            held.source_system = tried.source_system
            and held.subject = tried.subject

),

final as (

    select
        {{ surrogate_key(['source_system', 'subject']) }} as source_read_id,
        source_system,
        subject,
        -- What was never read may have rows. Clicks are ours: there are none.
        case
            when last_read_at is not null or subject = 'clicks' then row_count
        end as row_count,
        last_read_at,
        last_tried_at,
        is_complete,
        {{ reporting_day('max(last_read_at) over (partition by source_system)') }}
            as source_day
    from reads

)

select * from final
