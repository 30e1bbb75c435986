with page_days as (

    select
        {{ surrogate_key(['page_id']) }} as page_key,
        page_title,
        date_day,
        was_read,
        is_stale,
        is_movement_known,
        last_read_at
    from {{ ref('int_page_days') }}

),

assignments as (

    select * from {{ ref('fct_rank_assignments') }}

),

ranks as (

    select * from {{ ref('dim_ranks_history') }}

),

changes as (

    select * from {{ ref('fct_roster_changes') }}

),

hours as (

    select
        page_key,
        date_day,
        sum(hours_gained) as hours_gained
    from {{ ref('fct_patrol_hours') }}
    group by page_key, date_day

),

present as (

    select
        page_days.page_key,
        page_days.page_title as page_title_on_day,
        page_days.date_day,
        page_days.was_read,
        page_days.is_stale,
        page_days.is_movement_known,
        page_days.last_read_at,
        count(distinct assignments.member_key) as headcount,
        count(distinct case when ranks.is_command then assignments.member_key end)
            as command_count
    from page_days
    left join assignments
        on
            page_days.page_key = assignments.page_key
            and page_days.date_day >= {{ reporting_day('assignments.valid_from') }}
            and (
                page_days.date_day < {{ reporting_day('assignments.valid_to') }}
                or assignments.valid_to is null
            )
    left join ranks
        on
            assignments.rank_key = ranks.rank_key
            and page_days.date_day >= {{ reporting_day('ranks.valid_from') }}
            and (
                page_days.date_day < {{ reporting_day('ranks.valid_to') }}
                or ranks.valid_to is null
            )
    group by
        page_days.page_key,
        page_days.page_title,
        page_days.date_day,
        page_days.was_read,
        page_days.is_stale,
        page_days.is_movement_known,
        page_days.last_read_at

),

changed as (

    select
        page_key,
        date_day,
        {%- for change_type, column in [
            ('joined', 'joined'),
            ('left', 'left'),
            ('transferred', 'transferred_in'),
            ('promoted', 'promoted'),
            ('demoted', 'demoted'),
        ] %}
        count(case when change_type = '{{ change_type }}' then 1 end)
            as {{ column }}_count
        {{- ',' if not loop.last }}
    {%- endfor %}
    from changes
    group by page_key, date_day

),

transferred_out as (

    select
        from_page_key as page_key,
        date_day,
        count(*) as transferred_out_count
    from changes
    where change_type = 'transferred'
    group by from_page_key, date_day

),

final as (

    select
        {{ surrogate_key(['present.page_key', 'present.date_day']) }} as page_day_key,
        present.page_key,
        present.page_title_on_day,
        present.date_day,
        present.was_read,
        present.is_stale,
        present.last_read_at,
        present.headcount,
        present.command_count,
        cast(present.command_count as {{ raw_type('double') }})
        / nullif(present.headcount, 0) as command_ratio,
        {%- for column in ['joined', 'left', 'transferred_in', 'promoted', 'demoted'] %}
            case
                when present.is_movement_known
                    then coalesce(changed.{{ column }}_count, 0)
            end as {{ column }}_count,
        {%- endfor %}
        case
            when present.is_movement_known
                then coalesce(transferred_out.transferred_out_count, 0)
        end as transferred_out_count,
        cast(hours.hours_gained as decimal(18, 4)) as hours_gained
    from present
    left join changed
        on
            present.page_key = changed.page_key
            and present.date_day = changed.date_day
    left join transferred_out
        on
            present.page_key = transferred_out.page_key
            and present.date_day = transferred_out.date_day
    left join hours
        on
            present.page_key = hours.page_key
            and present.date_day = hours.date_day

)

select * from final
