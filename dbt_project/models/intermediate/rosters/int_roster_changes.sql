with assignments as (

    select * from {{ ref('int_rank_assignments') }}

),

stays as (

    select * from {{ ref('int_page_memberships') }}

),

-- Who leaves one page and joins another between the same reads was transferred; with
-- several, the nth of each.
arrivals as (

    select
        page_id,
        discord_id,
        joined_at,
        {{ reporting_day('joined_at') }} as date_day,
        row_number() over (
            partition by discord_id, {{ reporting_day('joined_at') }}
            order by joined_at, page_id
        ) as place
    from stays
    where not was_there_before

),

departures as (

    select
        page_id,
        discord_id,
        left_at,
        left_with_page,
        {{ reporting_day('left_at') }} as date_day,
        row_number() over (
            partition by discord_id, {{ reporting_day('left_at') }}
            order by left_at, page_id
        ) as place
    from stays
    where left_at is not null

),

moves as (

    select
        arrivals.page_id,
        arrivals.discord_id,
        arrivals.joined_at,
        departures.page_id as from_page_id,
        departures.left_at
    from arrivals
    inner join departures
        on
            arrivals.discord_id = departures.discord_id
            and arrivals.date_day = departures.date_day
            and arrivals.place = departures.place
            and arrivals.page_id <> departures.page_id
            and not departures.left_with_page

),

-- Of several ranks taken or given up with a page, the most senior one is told.
first_ranks as (

    select
        page_id,
        discord_id,
        role_id,
        promotion_officer,
        valid_from,
        row_number() over (
            partition by page_id, discord_id, valid_from
            order by seniority_order, role_id
        ) as place
    from assignments

),

last_ranks as (

    select
        page_id,
        discord_id,
        role_id,
        valid_to,
        row_number() over (
            partition by page_id, discord_id, valid_to
            order by seniority_order, role_id
        ) as place
    from assignments
    where valid_to is not null

),

joined as (

    select
        case when moves.page_id is null then 'joined' else 'transferred' end
            as change_type,
        arrivals.page_id,
        moves.from_page_id,
        arrivals.discord_id,
        first_ranks.role_id,
        last_ranks.role_id as from_role_id,
        first_ranks.promotion_officer,
        cast(null as {{ dbt.type_string() }}) as qualification,
        arrivals.joined_at as changed_at
    from arrivals
    left join moves
        on
            arrivals.page_id = moves.page_id
            and arrivals.discord_id = moves.discord_id
            and arrivals.joined_at = moves.joined_at
    left join first_ranks
        on
            arrivals.page_id = first_ranks.page_id
            and arrivals.discord_id = first_ranks.discord_id
            and arrivals.joined_at = first_ranks.valid_from
            and first_ranks.place = 1
    left join last_ranks
        on
            moves.from_page_id = last_ranks.page_id
            and moves.discord_id = last_ranks.discord_id
            and moves.left_at = last_ranks.valid_to
            and last_ranks.place = 1

),

gone as (

    select
        case when departures.left_with_page then 'page_retired' else 'left' end
            as change_type,
        departures.page_id,
        cast(null as {{ dbt.type_string() }}) as from_page_id,
        departures.discord_id,
        cast(null as {{ dbt.type_string() }}) as role_id,
        last_ranks.role_id as from_role_id,
        cast(null as {{ dbt.type_string() }}) as promotion_officer,
        cast(null as {{ dbt.type_string() }}) as qualification,
        departures.left_at as changed_at
    from departures
    left join moves
        on
            departures.page_id = moves.from_page_id
            and departures.discord_id = moves.discord_id
            and departures.left_at = moves.left_at
    left join last_ranks
        on
            departures.page_id = last_ranks.page_id
            and departures.discord_id = last_ranks.discord_id
            and departures.left_at = last_ranks.valid_to
            and last_ranks.place = 1
    where moves.page_id is null

),

moved_in_rank as (

    select
        change_type,
        page_id,
        cast(null as {{ dbt.type_string() }}) as from_page_id,
        discord_id,
        role_id,
        previous_role_id as from_role_id,
        promotion_officer,
        cast(null as {{ dbt.type_string() }}) as qualification,
        valid_from as changed_at
    from assignments
    where change_type in ('promoted', 'demoted', 'lateral')

),

qualifications as (

    {% for kind in ['certification', 'subdivision'] -%}
        select
            '{{ kind }}' as kind,
            history.page_id,
            history.discord_id,
            history.{{ kind }} as qualification,
            history.valid_from,
            history.valid_to
        from {{ ref('int_member_' ~ kind ~ '_periods') }} as history
        {% if not loop.last -%}
            union all
        {% endif -%}
    {% endfor %}
),

-- What is gained or lost with the page itself is no change of its own.
held as (

    select
        qualifications.kind,
        qualifications.page_id,
        qualifications.discord_id,
        qualifications.qualification,
        qualifications.valid_from,
        qualifications.valid_to,
        stays.joined_at,
        stays.left_at
    from qualifications
    inner join stays
        on
            qualifications.page_id = stays.page_id
            and qualifications.discord_id = stays.discord_id
            and qualifications.valid_from >= stays.joined_at
            and (
                qualifications.valid_from < stays.left_at
                or stays.left_at is null
            )

),

gained as (

    select
        {{ dbt.concat(['kind', "'_gained'"]) }} as change_type,
        page_id,
        cast(null as {{ dbt.type_string() }}) as from_page_id,
        discord_id,
        cast(null as {{ dbt.type_string() }}) as role_id,
        cast(null as {{ dbt.type_string() }}) as from_role_id,
        cast(null as {{ dbt.type_string() }}) as promotion_officer,
        qualification,
        valid_from as changed_at
    from held
    where valid_from > joined_at

),

lost as (

    select
        {{ dbt.concat(['kind', "'_lost'"]) }} as change_type,
        page_id,
        cast(null as {{ dbt.type_string() }}) as from_page_id,
        discord_id,
        cast(null as {{ dbt.type_string() }}) as role_id,
        cast(null as {{ dbt.type_string() }}) as from_role_id,
        cast(null as {{ dbt.type_string() }}) as promotion_officer,
        qualification,
        valid_to as changed_at
    from held
    where
        valid_to is not null
        and (
            valid_to < left_at
            or left_at is null
        )

),

changes as (

    select * from joined
    union all
    select * from gone
    union all
    select * from moved_in_rank
    union all
    select * from gained
    union all
    select * from lost

),

final as (

    select
        {{ surrogate_key([
            'change_type',
            'page_id',
            'discord_id',
            "coalesce(role_id, '')",
            "coalesce(qualification, '')",
            'changed_at',
        ]) }} as roster_change_id,
        change_type,
        page_id,
        from_page_id,
        discord_id,
        role_id,
        from_role_id,
        promotion_officer,
        qualification,
        {{ reporting_day('changed_at') }} as date_day,
        changed_at
    from changes

)

select * from final
