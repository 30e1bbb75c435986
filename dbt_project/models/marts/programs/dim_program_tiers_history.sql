with terms as (

    select * from {{ ref('int_program_terms') }}
    where commission_type = 'tiered'

),

tiers as (

    select
        program_id,
        sequence_number as version_number,
        tier_position,
        minimum_revenue,
        rate
    from {{ ref('stg_roster__programs_commission_tiers_versions') }}
    union all
    select
        program_id,
        0 as version_number,
        tier_position,
        minimum_revenue,
        rate
    from {{ ref('stg_roster__programs_commission_tiers') }}

),

final as (

    select
        {{ surrogate_key([
            'terms.program_id', 'terms.version_number', 'tiers.tier_position'
        ]) }} as program_tier_key,
        {{ surrogate_key(['terms.program_id', 'terms.version_number']) }}
            as program_terms_id,
        {{ surrogate_key(['terms.program_id']) }} as program_key,
        tiers.tier_position,
        tiers.minimum_revenue,
        tiers.rate as commission_rate
    from terms
    inner join tiers
        on
            terms.program_id = tiers.program_id
            and terms.version_number = tiers.version_number

)

select * from final
