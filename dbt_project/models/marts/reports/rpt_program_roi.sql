with program_days as (

    select * from {{ ref('rpt_program_daily') }}
    where program_key is not null

),

source_days as (

    select max(source_day) as source_day
    from {{ ref('int_source_reads') }}
    where source_system = 'roster'

),

aged as (

    select
        program_days.*,
        program_days.link_revenue
        + program_days.code_revenue
        + program_days.recurring_revenue as referral_revenue,
        {{ dbt.datediff(
            'program_days.date_day', 'source_days.source_day', 'day'
        ) }} as age_in_days
    from program_days
    cross join source_days

),

summed as (

    select
        program_key,
        currency,
    {%- for measure in ['referral_revenue', 'commission_amount'] %}
        sum(case when age_in_days < 30 then {{ measure }} else 0 end)
            as {{ measure }}_30_days,
        sum(case when age_in_days between 30 and 59 then {{ measure }} else 0 end)
            as {{ measure }}_previous_30_days
        {{- ',' if not loop.last }}
    {%- endfor %}
    from aged
    where age_in_days between 0 and 59
    group by program_key, currency

),

final as (

    select
        {{ surrogate_key(['program_key', "coalesce(currency, '')"]) }}
            as program_roi_key,
        program_key,
        currency,
        {%- for measure in [
            'referral_revenue_30_days',
            'referral_revenue_previous_30_days',
            'commission_amount_30_days',
            'commission_amount_previous_30_days',
        ] %}
            cast({{ measure }} as decimal(18, 4)) as {{ measure }},
        {%- endfor %}
    {%- for period in ['30_days', 'previous_30_days'] %}
        cast(
            referral_revenue_{{ period }} - commission_amount_{{ period }}
            as {{ raw_type('double') }}
        )
        / cast(nullif(commission_amount_{{ period }}, 0) as {{ raw_type('double') }})
            as roi_{{ period }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from summed

)

select * from final
