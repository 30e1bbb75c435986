with campaigns as (

    select * from {{ ref('stg_roster__campaigns') }}

),

described as (

    select
        {{ surrogate_key(['campaign_id']) }} as campaign_key,
        campaign_id,
        {{ or_none_if_sent(surrogate_key(['program_id']), 'program_id') }}
            as program_key,
        campaign_name,
        status as campaign_status,
        start_date,
        end_date,
        created_at as campaign_created_at,
        updated_at as campaign_updated_at,
        is_deleted as is_campaign_deleted
    from campaigns

),

final as (

    {{ with_placeholders(
        'described',
        ['campaign_key', 'program_key'],
        names=['campaign_name'],
        flags=['is_campaign_deleted']
    ) }}

)

select * from final
