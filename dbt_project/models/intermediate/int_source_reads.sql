with reads as (

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
        ('autorosters', 'roster pages', 'stg_autorosters__page_loads', 'observed_at'),
    ] -%}
        select
            '{{ source_system }}' as source_system,
            '{{ subject }}' as subject,
            count(*) as row_count,
            max({{ read_at }}) as last_read_at
        from {{ ref(model) }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

final as (

    select
        {{ surrogate_key(['source_system', 'subject']) }} as source_read_id,
        source_system,
        subject,
        row_count,
        last_read_at,
        cast(max(last_read_at) over (partition by source_system) as date)
            as source_day
    from reads

)

select * from final
