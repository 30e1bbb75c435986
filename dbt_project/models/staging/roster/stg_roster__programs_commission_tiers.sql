with source as (

    {{ declared_source('roster', 'programs__commission_tiers') }}

),

final as (

    select
        {{ surrogate_key(['program_id', 'position']) }} as commission_tier_id,
        program_id,
        position as tier_position,
        min_revenue as minimum_revenue,
        rate,
        _observed_at as observed_at
    from source

)

select * from final
