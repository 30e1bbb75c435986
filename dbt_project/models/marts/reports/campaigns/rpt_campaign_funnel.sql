with campaigns as (

    select * from {{ ref('dim_campaigns') }}
    where not is_placeholder

),

participation as (

    select
        campaign_key,
        count(*) as added_count,
        count(sent_at) as sent_count,
        count(opened_at) as opened_count,
        count(joined_at) as joined_count,
        count(completed_at) as completed_count
    from {{ ref('fct_campaign_participation') }}
    group by campaign_key

),

-- A step that nobody reached in any campaign is one that the API may not send.
reached as (

    select
        sum(added_count) as added_count,
        sum(sent_count) as sent_count,
        sum(opened_count) as opened_count,
        sum(joined_count) as joined_count,
        sum(completed_count) as completed_count
    from participation

),

counted as (

    select
        campaigns.campaign_key,
        campaigns.program_key,
        campaigns.campaign_name,
        campaigns.campaign_status,
        campaigns.start_date,
    {%- for step in ['added', 'sent', 'opened', 'joined', 'completed'] %}
        case
            when reached.{{ step }}_count > 0
                then coalesce(participation.{{ step }}_count, 0)
        end as {{ step }}_count
        {{- ',' if not loop.last }}
    {%- endfor %}
    from campaigns
    left join participation on campaigns.campaign_key = participation.campaign_key
    cross join reached

),

final as (

    select
        campaign_key,
        program_key,
        campaign_name,
        campaign_status,
        start_date,
        added_count,
        sent_count,
        opened_count,
        joined_count,
        completed_count,
        cast(joined_count as {{ raw_type('double') }}) / nullif(added_count, 0)
            as participation_rate,
        cast(completed_count as {{ raw_type('double') }}) / nullif(joined_count, 0)
            as completion_rate
    from counted

)

select * from final
