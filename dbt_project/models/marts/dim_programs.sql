with programs as (

    select * from {{ ref('stg_roster__programs') }}

),

final as (

    select
        {{ surrogate_key(['program_id']) }} as program_key,
        program_id,
        program_name,
        status as program_status,
        currency as commission_currency,
        commission_type,
        commission_value,
        look_back_days,
        created_at,
        updated_at
    from programs

)

select * from final
