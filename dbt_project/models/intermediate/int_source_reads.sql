with reads as (

    {% for source_system, subject, model in [
        ('roster', 'programs', 'stg_roster__programs'),
        ('roster', 'campaigns', 'stg_roster__campaigns'),
        ('roster', 'orders', 'stg_roster__orders'),
        ('roster', 'events', 'stg_roster__events'),
        ('roster', 'discount codes', 'stg_roster__discount_codes_lookup'),
        ('roster', 'channels', 'stg_roster__channels'),
        ('roster', 'posts', 'stg_roster__posts'),
        ('roster', 'comments', 'stg_roster__comments'),
        ('roster', 'likes', 'stg_roster__likes'),
        ('roster', 'clicks', 'stg_roster__clicks'),
        ('autorosters', 'roster pages', 'stg_autorosters__page_loads'),
    ] -%}
        select
            '{{ source_system }}' as source_system,
            '{{ subject }}' as subject,
            count(*) as row_count,
            max(observed_at) as last_read_at
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
