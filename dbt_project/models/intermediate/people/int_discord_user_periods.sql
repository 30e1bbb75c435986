with versions as (

    select * from {{ ref('stg_autorosters__users_versions') }}

),

stays as (

    {{ periods(
        'versions',
        ['page_id', 'role_id', 'discord_id'],
        ['member_name', 'discord_username']
    ) }}

),

bounds as (

    select
        discord_id,
        valid_from as placed_at
    from stays
    union distinct
    select
        discord_id,
        valid_to as placed_at
    from stays
    where valid_to is not null

),

-- Somebody on several pages is called as on the page where the name is the newest.
found as (

    select
        bounds.discord_id,
        bounds.placed_at,
        stays.page_id,
        stays.member_name,
        stays.discord_username,
        row_number() over (
            partition by bounds.discord_id, bounds.placed_at
            order by
                case when stays.member_name is null then 1 else 0 end asc,
                stays.valid_from desc,
                stays.member_name desc
        ) as name_place,
        row_number() over (
            partition by bounds.discord_id, bounds.placed_at
            order by
                case when stays.discord_username is null then 1 else 0 end asc,
                stays.valid_from desc,
                stays.discord_username desc
        ) as username_place
    from bounds
    left join stays
        on
            bounds.discord_id = stays.discord_id
            and bounds.placed_at >= stays.valid_from
            and (
                bounds.placed_at < stays.valid_to
                or stays.valid_to is null
            )

),

by_bound as (

    select
        discord_id,
        placed_at,
        max(case when name_place = 1 then member_name end) as member_name,
        max(case when username_place = 1 then discord_username end)
            as discord_username,
        count(distinct page_id) as page_count
    from found
    group by discord_id, placed_at

),

-- Who left keeps the last name.
numbered as (

    select
        *,
        count(member_name) over (
            partition by discord_id
            order by placed_at
            rows between unbounded preceding and current row
        ) as name_number,
        count(discord_username) over (
            partition by discord_id
            order by placed_at
            rows between unbounded preceding and current row
        ) as username_number,
        row_number() over (
            partition by discord_id
            order by placed_at
        ) as sequence_number
    from by_bound

),

states as (

    select
        discord_id,
        max(member_name) over (partition by discord_id, name_number) as member_name,
        max(discord_username) over (partition by discord_id, username_number)
            as discord_username,
        page_count,
        'updated' as change_type,
        sequence_number,
        placed_at as valid_from
    from numbered

),

periods as (

    {{ periods(
        'states', ['discord_id'], ['member_name', 'discord_username', 'page_count']
    ) }}

),

final as (

    select
        {{ surrogate_key(['discord_id', 'valid_from']) }}
            as discord_user_period_id,
        discord_id,
        member_name,
        discord_username,
        page_count,
        valid_from,
        valid_to
    from periods

)

select * from final
