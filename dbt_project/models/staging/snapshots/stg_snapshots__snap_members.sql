with source as (

    {{ declared_source('snapshots', 'snap_members') }}

),

-- Two rows of one member and time were added where a clock stepped back.
ranked as (

    select
        *,
        row_number() over (
            partition by source_system, source_id, dbt_valid_from
            order by
                case when dbt_valid_to is null then 0 else 1 end asc,
                dbt_valid_to desc,
                full_name asc
        ) as place
    from source

),

final as (

    select
        {{ surrogate_key(['source_system', 'source_id', 'dbt_valid_from']) }}
            as member_snapshot_id,
        source_system,
        source_id,
        full_name,
        email,
        social_handle,
        discord_handle,
        referral_id,
        contact_stage,
        dbt_valid_from as valid_from,
        dbt_valid_to as valid_to
    from ranked
    where
        place = 1
        and dbt_valid_from is not null
        and source_id is not null

)

select * from final
