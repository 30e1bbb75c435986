with source as (

    {{ declared_source('autorosters', '_reads') }}

),

final as (

    select
        {{ surrogate_key(['endpoint', 'part', 'read_at']) }} as read_id,
        endpoint,
        part,
        read_at,
        observed_at,
        outcome,
        proof,
        announced,
        row_count,
        request_count,
        missing_fields
    from source

)

select * from final
