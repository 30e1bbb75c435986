with days as (

    {% for subject, model, day in [
        ('orders', 'stg_roster__orders', order_day('created_at', 'order_date')),
        ('events', 'stg_roster__events', reporting_day('occurred_at')),
        ('contacts', 'stg_roster__contacts', reporting_day('created_at')),
        ('discount codes', 'int_discount_codes', reporting_day('assigned_at')),
        ('participants', 'stg_roster__campaigns_participants', reporting_day('added_at')),
        ('posts', 'stg_roster__posts', reporting_day('created_at')),
        ('comments', 'stg_roster__comments', reporting_day('created_at')),
        ('likes', 'stg_roster__likes', reporting_day('created_at')),
        ('clicks', 'stg_roster__clicks', reporting_day('clicked_at')),
        ('sent clicks', 'stg_roster__clicks', reporting_day('sent_at')),
        ('roster pages', 'stg_autorosters__page_loads', reporting_day('observed_at')),
    ] -%}
        select
            '{{ subject }}' as subject,
            {{ day }} as date_day
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
