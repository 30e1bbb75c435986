with source as (

    {{ declared_source('autorosters', 'page_loads') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'observed_at']) }} as page_load_id,
        page_id,
        observed_at,
        coalesce(outcome, 'loaded') as outcome,
        content_hash,
        member_count,
        rank_count
    from source

)

select * from final
