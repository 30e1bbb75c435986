with engagement as (

    select * from {{ ref('fct_engagement') }}
    where channel_key is not null

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- Comments and likes count where their post does, so that they compare with its reach.
summed as (

    select
        engagement.channel_key,
        dates.month_start_day,
        count(case when engagement.engagement_type = 'post' then 1 end)
            as post_count,
        count(case when engagement.engagement_type = 'comment' then 1 end)
            as comment_count,
        count(case when engagement.engagement_type = 'like' then 1 end)
            as like_count,
        coalesce(sum(engagement.reach), 0) as reach
    from engagement
    inner join dates on cast(engagement.posted_at as date) = dates.date_day
    group by engagement.channel_key, dates.month_start_day

),

final as (

    select
        {{ surrogate_key(['channel_key', 'month_start_day']) }}
            as engagement_month_key,
        channel_key,
        month_start_day,
        post_count,
        comment_count,
        like_count,
        cast(reach as {{ dbt.type_bigint() }}) as reach,
        cast(comment_count + like_count as {{ raw_type('double') }}) / nullif(reach, 0)
            as engagement_rate
    from summed

)

select * from final
