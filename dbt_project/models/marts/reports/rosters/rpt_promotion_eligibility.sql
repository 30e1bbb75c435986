with members as (

    select * from {{ ref('rpt_activity_status') }}

),

pages as (

    select
        page_key,
        page_id,
        {{ reporting_day('page_last_read_at') }} as last_day
    from {{ ref('dim_roster_pages') }}

),

ranks as (

    select * from {{ ref('dim_ranks') }}
    where is_current_rank

),

assignments as (

    select * from {{ ref('fct_rank_assignments') }}
    where is_current

),

-- The next rank is the closest of those that are more senior.
next_ranks as (

    select
        ranks.rank_key,
        above.rank_key as next_rank_key,
        above.rank_name as next_rank_name,
        row_number() over (
            partition by ranks.rank_key
            order by above.seniority_order desc, above.rank_key asc
        ) as place
    from ranks
    inner join ranks as above
        on
            ranks.page_key = above.page_key
            and ranks.seniority_order > above.seniority_order

),

candidates as (

    select
        members.page_key,
        members.member_key,
        members.rank_key,
        next_ranks.next_rank_key,
        members.hours_30_days,
        assignments.days_in_rank,
        pages.page_id,
        pages.last_day,
        {{ normalized('next_ranks.next_rank_name') }} as next_rank_name
    from members
    inner join pages on members.page_key = pages.page_key
    inner join next_ranks
        on
            members.rank_key = next_ranks.rank_key
            and next_ranks.place = 1
    left join assignments
        on
            members.member_key = assignments.member_key
            and members.rank_key = assignments.rank_key

),

requirements as (

    select
        nullif(trim(page_id), '') as page_id,
        {{ normalized('rank_name') }} as rank_name,
        minimum_days,
        minimum_hours,
        {{ normalized('certification') }} as certification
    from {{ ref('promotion_requirements') }}

),

required as (

    select
        candidates.page_key,
        candidates.member_key,
        requirements.minimum_days,
        requirements.minimum_hours,
        requirements.certification
    from candidates
    inner join requirements
        on
            candidates.page_id = coalesce(requirements.page_id, candidates.page_id)
            and candidates.next_rank_name
            = coalesce(requirements.rank_name, candidates.next_rank_name)

),

certified as (

    select
        held.page_key,
        held.member_key,
        {{ normalized('certifications.certification_name') }} as certification
    from {{ ref('fct_member_certifications') }} as held
    inner join {{ ref('dim_certifications') }} as certifications
        on held.certification_key = certifications.certification_key
    where held.is_current

),

summed as (

    select
        required.page_key,
        required.member_key,
        max(required.minimum_days) as required_days,
        max(required.minimum_hours) as required_hours,
        count(distinct required.certification) as required_certification_count,
        count(distinct certified.certification) as held_certification_count
    from required
    left join certified
        on
            required.page_key = certified.page_key
            and required.member_key = certified.member_key
            and required.certification = certified.certification
    group by required.page_key, required.member_key

),

{% for name in ['strikes', 'leaves_of_absence'] -%}
    {{ name }} as (

        select
            candidates.page_key,
            candidates.member_key,
            count(*) as row_count
        from candidates
        inner join {{ ref('fct_' ~ name) }} as entered
            on
                candidates.member_key = entered.member_key
                and candidates.page_key
                = coalesce(entered.page_key, candidates.page_key)
                and candidates.last_day >= entered.first_day
                and candidates.last_day
                <= coalesce(entered.last_day, candidates.last_day)
        group by candidates.page_key, candidates.member_key

    ),

{% endfor -%}

judged as (

    select
        candidates.*,
        summed.required_days,
        summed.required_hours,
        coalesce(
            summed.required_certification_count - summed.held_certification_count, 0
        ) as missing_certification_count,
        coalesce(strikes.row_count, 0) as strike_count,
        leaves_of_absence.row_count is not null as is_on_leave,
        -- 0 is no, 1 is yes, NULL is not known.
        case
            when coalesce(summed.required_days, 0) = 0 then 1
            when candidates.days_in_rank >= summed.required_days then 1
            when candidates.days_in_rank < summed.required_days then 0
        end as has_days,
        case
            when coalesce(summed.required_hours, 0) = 0 then 1
            when candidates.hours_30_days >= summed.required_hours then 1
            when candidates.hours_30_days < summed.required_hours then 0
        end as has_hours
    from candidates
    left join summed
        on
            candidates.page_key = summed.page_key
            and candidates.member_key = summed.member_key
    {%- for name in ['strikes', 'leaves_of_absence'] %}
        left join {{ name }}
            on
                candidates.page_key = {{ name }}.page_key
                and candidates.member_key = {{ name }}.member_key
    {%- endfor %}

),

reasoned as (

    select
        *,
        case
            when
                has_days = 0
                or has_hours = 0
                or missing_certification_count > 0
                or strike_count > 0
                or is_on_leave
                then false
            when has_days = 1 and has_hours = 1 then true
        end as is_eligible,
        trim(
            case when has_days = 0 then 'Too few days in rank. ' else '' end
            || case when has_days is null then 'Days in rank unknown. ' else '' end
            || case when has_hours = 0 then 'Too few hours. ' else '' end
            || case when has_hours is null then 'Hours unknown. ' else '' end
            || case
                when missing_certification_count > 0 then 'Lacks a certification. '
                else ''
            end
            || case when strike_count > 0 then 'Has a strike. ' else '' end
            || case when is_on_leave then 'Is on leave. ' else '' end
        ) as reasons
    from judged

),

final as (

    select
        {{ surrogate_key(['page_key', 'member_key']) }} as promotion_eligibility_key,
        page_key,
        member_key,
        rank_key,
        next_rank_key,
        days_in_rank,
        cast(required_days as {{ dbt.type_bigint() }}) as required_days,
        cast(hours_30_days as decimal(18, 4)) as hours_30_days,
        cast(required_hours as decimal(18, 4)) as required_hours,
        missing_certification_count,
        strike_count,
        is_on_leave,
        is_eligible,
        nullif(reasons, '') as reasons
    from reasoned

)

select * from final
