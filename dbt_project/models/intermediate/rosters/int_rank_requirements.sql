with requirements as (

    select
        nullif(trim(page_id), '') as page_id,
        {{ normalized('rank_name') }} as rank_name,
        required_hours
    from {{ ref('rank_requirements') }}

),

ranks as (

    select * from {{ ref('int_rank_periods') }}

),

-- The most particular requirement holds: of the rank on its page, of the page, of ranks
-- of that name anywhere, of everybody.
matched as (

    select
        ranks.rank_period_id,
        ranks.page_id,
        ranks.role_id,
        ranks.valid_from,
        ranks.valid_to,
        requirements.required_hours,
        row_number() over (
            partition by ranks.rank_period_id
            order by
                case when requirements.page_id is null then 1 else 0 end,
                case when requirements.rank_name is null then 1 else 0 end,
                requirements.required_hours
        ) as preference
    from ranks
    inner join requirements
        on
            (
                ranks.page_id = requirements.page_id
                or requirements.page_id is null
            )
            and (
                {{ normalized('ranks.rank_name') }} = requirements.rank_name
                or requirements.rank_name is null
            )

),

final as (

    select
        rank_period_id,
        page_id,
        role_id,
        valid_from,
        valid_to,
        required_hours
    from matched
    where preference = 1

)

select * from final
