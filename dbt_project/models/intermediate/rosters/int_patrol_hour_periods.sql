with versions as (

    select * from {{ ref('stg_autorosters__users_versions') }}

),

-- A member of several ranks is listed under each, with the same hours.
in_ranks as (

    {{ periods('versions', ['page_id', 'role_id', 'discord_id'], ['patrol_hours']) }}

),

all_bounds as (

    select
        page_id,
        discord_id,
        valid_from
    from in_ranks

    union all

    select
        page_id,
        discord_id,
        valid_to as valid_from
    from in_ranks
    where valid_to is not null

),

bounds as (

    select distinct
        page_id,
        discord_id,
        valid_from
    from all_bounds

),

states as (

    select
        bounds.page_id,
        bounds.discord_id,
        bounds.valid_from,
        max(in_ranks.patrol_hours) as patrol_hours,
        case when count(in_ranks.role_id) = 0 then 'deleted' else 'updated' end
            as change_type,
        row_number() over (
            partition by bounds.page_id, bounds.discord_id
            order by bounds.valid_from
        ) as sequence_number
    from bounds
    left join in_ranks
        on
            bounds.page_id = in_ranks.page_id
            and bounds.discord_id = in_ranks.discord_id
            and bounds.valid_from >= in_ranks.valid_from
            and (
                bounds.valid_from < in_ranks.valid_to
                or in_ranks.valid_to is null
            )
    group by bounds.page_id, bounds.discord_id, bounds.valid_from

),

periods as (

    {{ periods('states', ['page_id', 'discord_id'], ['patrol_hours']) }}

),

final as (

    select
        {{ surrogate_key(['page_id', 'discord_id', 'valid_from']) }}
            as patrol_hour_period_id,
        page_id,
        discord_id,
        patrol_hours,
        valid_from,
        valid_to
    from periods

)

select * from final
