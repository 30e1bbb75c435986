with source as (

    {{ declared_source('autorosters', 'ranks') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id']) }} as page_rank_id,
        page_id,
        role_id,
        rank_name,
        is_command,
        position as seniority_order,
        _observed_at as observed_at
    from source

)

select * from final
