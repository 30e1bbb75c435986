with history as (

    select * from {{ ref('snap_member_subdivisions') }}

),

page_reads as (

    select * from {{ ref('int_page_reads') }}

),

ended as (

    {{ period_ends('history', 'page_reads') }}

),

periods as (

    select
        history.page_id,
        history.discord_id,
        history.subdivision,
        history.dbt_valid_from as valid_from,
        coalesce(ended.valid_to, history.dbt_valid_to) as valid_to
    from history
    left join ended on history.dbt_scd_id = ended.dbt_scd_id

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'subdivision', 'valid_from']) }}
            as member_subdivision_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id', 'subdivision']) }} as subdivision_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from periods

)

select * from final
