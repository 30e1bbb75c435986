with campaigns as (

    select * from {{ ref('stg_roster__campaigns') }}

),

final as (

    select
        {{ surrogate_key(['campaign_id']) }} as campaign_key,
        campaign_id,
        {{ surrogate_key(['program_id']) }} as program_key,
        campaign_name,
        status as campaign_status,
        start_date,
        end_date,
        created_at,
        updated_at,
        is_deleted
    from campaigns

)

select * from final
