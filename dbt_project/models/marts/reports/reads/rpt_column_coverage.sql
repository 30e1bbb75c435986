-- A leaf: a column that lacks values is reported, and keeps no model from its build.
with coverage as (

    {% for model, column, condition in [
        ('fct_orders', 'total_amount', 'true'),
        ('fct_orders', 'subtotal_amount', 'true'),
        ('fct_orders', 'order_currency', 'true'),
        ('fct_orders', 'date_day', 'true'),
        ('fct_orders', 'member_key', "attribution_type in ('referred', 'personal')"),
        ('fct_events', 'date_day', 'true'),
        ('fct_events', 'member_key', 'true'),
        ('fct_rank_assignments', 'rank_key', 'is_current'),
        ('fct_rank_assignments', 'member_key', 'is_current'),
        ('dim_ranks', 'rank_name', 'not is_placeholder'),
    ] -%}
        {%- set known = column -%}
        {%- if column.endswith('_key') -%}
            {%- set known = "nullif(" ~ column ~ ", 'unknown')" -%}
        {%- endif -%}
        select
            '{{ model }}' as table_name,
            '{{ column }}' as column_name,
            count(*) as row_count,
            count({{ known }}) as known_count,
            0.95 as required_share
        from {{ ref(model) }}
        where {{ condition }}
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

final as (

    select
        {{ surrogate_key(['table_name', 'column_name']) }} as column_coverage_key,
        table_name,
        column_name,
        row_count,
        known_count,
        cast(known_count as {{ raw_type('double') }}) / nullif(row_count, 0)
            as known_share,
        cast(required_share as {{ raw_type('double') }}) as required_share
    from coverage

)

select * from final
