with days as (

    {% for subject, model, day in [
        ('orders', 'stg_roster__orders', 'coalesce(created_at, order_date)'),
        ('events', 'stg_roster__events', 'occurred_at'),
        ('contacts', 'stg_roster__contacts', 'created_at'),
        ('discount codes', 'int_discount_codes', 'assigned_at'),
        ('participants', 'stg_roster__campaigns_participants', 'added_at'),
        ('posts', 'stg_roster__posts', 'created_at'),
        ('comments', 'stg_roster__comments', 'created_at'),
        ('likes', 'stg_roster__likes', 'created_at'),
        ('clicks', 'stg_roster__clicks', 'clicked_at'),
        ('sent clicks', 'stg_roster__clicks', 'sent_at'),
        ('roster pages', 'stg_autorosters__page_loads', 'observed_at'),
    ] -%}
        select
            '{{ subject }}' as subject,
            cast({{ day }} as date) as date_day
        from {{ ref(model) }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

final as (

    select
        {{ surrogate_key(['subject', 'date_day']) }} as recorded_day_id,
        subject,
        date_day,
        {{ is_calendar_day('date_day') }} as is_plausible,
        count(*) as record_count
    from days
    where date_day is not null
    group by subject, date_day

)

select * from final
