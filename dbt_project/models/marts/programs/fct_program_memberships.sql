with memberships as (

    select * from {{ ref('int_possible_memberships') }}

),

source_days as (

    select max(source_day) as source_day
    from {{ ref('int_source_reads') }}
    where source_system = 'roster'

),

dated as (

    select
        *,
        case when is_certain = 1 then valid_from end as joined_at,
        case when valid_to < {{ end_of_time() }} then valid_to end as left_at
    from memberships

),

final as (

    select
        dated.possible_membership_id as program_membership_key,
        {{ surrogate_key(["'roster'", 'dated.contact_id']) }} as member_key,
        {{ or_unknown(surrogate_key(['dated.named_program_id'])) }} as program_key,
        {{ reporting_day('dated.joined_at') }} as joined_day,
        {{ reporting_day('dated.left_at') }} as left_day,
        dated.joined_at,
        dated.left_at,
        case
            when dated.left_at is not null then false
            when dated.is_certain = 1 then true
        end as is_current,
        dated.is_certain = 1 as is_certain,
        cast(
            case
                when dated.left_at is not null
                    then {{ dbt.datediff(
                        reporting_day('dated.joined_at'),
                        reporting_day('dated.left_at'),
                        'day',
                    ) }}
                when source_days.source_day >= {{ reporting_day('dated.joined_at') }}
                    then {{ dbt.datediff(
                        reporting_day('dated.joined_at'), 'source_days.source_day', 'day'
                    ) }}
            end as {{ dbt.type_bigint() }}
        ) as days_in_program
    from dated
    cross join source_days

)

select * from final
