with source_reads as (

    select * from {{ ref('int_source_reads') }}

),

final as (

    select
        source_read_id as data_freshness_key,
        source_system,
        subject,
        row_count,
        last_read_at,
        last_tried_at,
        is_complete
    from source_reads

)

select * from final
