with source as (

    {{ declared_source('roster', 'programs__commission_tiers_versions') }}

),

final as (

    select
        {{ surrogate_key(['program_id', 'position', '_sequence']) }}
            as commission_tier_version_id,
        program_id,
        position as tier_position,
        min_revenue as minimum_revenue,
        rate,
        _valid_from as valid_from,
        _sequence as sequence_number,
        _change as change_type
    from source

)

select * from final
