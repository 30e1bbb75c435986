with versions as (

    select * from {{ ref('stg_roster__programs_versions') }}

),

programs as (

    select * from {{ ref('stg_roster__programs') }}

),

tiers as (

    select
        program_id,
        sequence_number as version_number
    from {{ ref('stg_roster__programs_commission_tiers_versions') }}
    union distinct
    select
        program_id,
        0 as version_number
    from {{ ref('stg_roster__programs_commission_tiers') }}

),

first_versions as (

    select
        program_id,
        change_type,
        row_number() over (
            partition by program_id
            order by sequence_number
        ) as place
    from versions

),

-- Where no version says what a program was at first, it was what the table says.
described as (

    select
        program_id,
        sequence_number as version_number,
        program_name,
        status,
        commission_type,
        commission_value,
        currency,
        look_back_days,
        changed_at,
        change_type
    from versions

    union all

    select
        programs.program_id,
        0 as version_number,
        programs.program_name,
        programs.status,
        programs.commission_type,
        programs.commission_value,
        programs.currency,
        programs.look_back_days,
        {{ beginning_of_time() }} as changed_at,
        'inserted' as change_type
    from programs
    left join first_versions
        on
            programs.program_id = first_versions.program_id
            and first_versions.place = 1
    where
        first_versions.program_id is null
        or first_versions.change_type = 'deleted'

),

judged as (

    select
        described.*,
        min(
            case
                when
                    described.commission_value is not null
                    or (
                        described.commission_type = 'tiered'
                        and tiers.program_id is not null
                    )
                    then described.version_number
            end
        ) over (partition by described.program_id) as first_known_number
    from described
    left join tiers
        on
            described.program_id = tiers.program_id
            and described.version_number = tiers.version_number

),

-- The first terms that are known held before, too, for all that is known. Versions
-- without terms, as a wrong mapping leaves them, do not say that there were none.
dated as (

    select
        program_id,
        version_number,
        version_number as sequence_number,
        program_name,
        status,
        commission_type,
        commission_value,
        currency,
        look_back_days,
        change_type,
        case
            when
                row_number() over (
                    partition by program_id
                    order by version_number
                ) = 1
                then {{ beginning_of_time() }}
            else changed_at
        end as valid_from
    from judged
    where
        version_number >= first_known_number
        or first_known_number is null

),

periods as (

    {{ periods(
        'dated',
        ['program_id'],
        ['version_number'],
        [
            'program_name',
            'status',
            'commission_type',
            'commission_value',
            'currency',
            'look_back_days',
        ]
    ) }}

),

final as (

    select
        {{ surrogate_key(['program_id', 'version_number']) }} as program_term_id,
        program_id,
        version_number,
        program_name,
        status,
        commission_type,
        commission_value,
        currency,
        look_back_days,
        valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from periods

)

select * from final
