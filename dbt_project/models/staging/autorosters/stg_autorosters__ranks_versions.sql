with source as (

    {{ declared_source('autorosters', 'ranks_versions') }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'role_id', '_sequence']) }}
            as rank_version_id,
        page_id,
        role_id,
        rank_name,
        is_command,
        position as seniority_order,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
