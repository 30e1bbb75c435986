with channels as (

    select * from {{ ref('stg_roster__channels') }}

),

posts as (

    select * from {{ ref('stg_roster__posts') }}

),

-- A channel that is no longer listed is known by its posts.
channel_ids as (

    select channel_id from channels
    union distinct
    select channel_id from posts

),

described as (

    select
        {{ surrogate_key(['channel_ids.channel_id']) }} as channel_key,
        channel_ids.channel_id,
        channels.channel_name,
        channels.channel_description,
        {{ or_none_if_sent(
            surrogate_key(['channels.program_id']), 'channels.program_id'
        ) }} as program_key,
        channels.created_at as channel_created_at,
        channels.updated_at as channel_updated_at,
        coalesce(channels.is_deleted, false) as is_channel_deleted
    from channel_ids
    left join channels on channel_ids.channel_id = channels.channel_id
    where channel_ids.channel_id is not null

),

final as (

    {{ with_placeholders(
        'described',
        ['channel_key', 'program_key'],
        names=['channel_name'],
        flags=['is_channel_deleted']
    ) }}

)

select * from final
