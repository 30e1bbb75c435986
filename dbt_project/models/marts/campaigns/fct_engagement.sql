{{ config(
    materialized='incremental',
    unique_key='engagement_key',
    on_schema_change='append_new_columns',
    post_hook="
        delete from {{ this }}
        where
            (
                engagement_type = 'post'
                and engagement_id not in (select post_id from {{ ref('stg_roster__posts') }})
            )
            or (
                engagement_type = 'comment'
                and engagement_id not in (
                    select comment_id from {{ ref('stg_roster__comments') }}
                )
            )
            or (
                engagement_type = 'like'
                and engagement_id not in (select like_id from {{ ref('stg_roster__likes') }})
            )
    ",
) }}

with posts as (

    select * from {{ ref('stg_roster__posts') }}

),

comments as (

    select * from {{ ref('stg_roster__comments') }}

),

likes as (

    select * from {{ ref('stg_roster__likes') }}

),

engagement as (

    select
        'post' as engagement_type,
        post_id as engagement_id,
        post_id,
        contact_id,
        created_at,
        reach
    from posts

    union all

    select
        'comment' as engagement_type,
        comment_id as engagement_id,
        post_id,
        contact_id,
        created_at,
        null as reach
    from comments

    union all

    select
        'like' as engagement_type,
        like_id as engagement_id,
        post_id,
        contact_id,
        created_at,
        null as reach
    from likes

),

derived as (

    select
        {{ surrogate_key([
            'engagement.engagement_type',
            'engagement.engagement_id',
        ]) }} as engagement_key,
        engagement.engagement_type,
        engagement.engagement_id,
        engagement.post_id,
        {{ or_unknown(surrogate_key(['posts.channel_id'])) }} as channel_key,
        {{ or_unknown(surrogate_key(["'roster'", 'engagement.contact_id'])) }}
            as member_key,
        {{ or_unknown(surrogate_key(["'roster'", 'posts.contact_id'])) }}
            as post_member_key,
        {{ reporting_day('engagement.created_at') }} as date_day,
        engagement.created_at as engaged_at,
        posts.created_at as posted_at,
        engagement.reach
    from engagement
    left join posts on engagement.post_id = posts.post_id

),

final as (

    {{ changed_rows('derived') }}

)

select * from final
