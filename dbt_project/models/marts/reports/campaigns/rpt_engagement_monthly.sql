with engagement as (

    select * from {{ ref('fct_engagement') }}
    where {{ is_named('channel_key') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

-- What was never read has no count.
reads as (

    select
        max(case when subject = 'comments' then row_count end) as comment_count,
        max(case when subject = 'likes' then row_count end) as like_count
    from {{ ref('int_source_reads') }}
    where source_system = 'roster'

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
        sum(engagement.reach) as reach
    from engagement
    inner join dates on {{ reporting_day('engagement.posted_at') }} = dates.date_day
    group by engagement.channel_key, dates.month_start_day

),

counted as (

    select
        summed.channel_key,
        summed.month_start_day,
        summed.post_count,
        case when reads.comment_count is not null then summed.comment_count end
            as comment_count,
        case when reads.like_count is not null then summed.like_count end
            as like_count,
        summed.reach
    from summed
    cross join reads

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
    from counted

)

select * from final
