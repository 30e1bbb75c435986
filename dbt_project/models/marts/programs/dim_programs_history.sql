with programs as (

    select * from {{ ref('dim_programs') }}
    where not is_placeholder

),

terms as (

    select
        program_id,
        version_number,
        program_name,
        status as program_status,
        currency as program_currency,
        commission_type,
        commission_value,
        look_back_days,
        valid_from,
        nullif(valid_to, {{ end_of_time() }}) as valid_to
    from {{ ref('int_program_terms') }}

),

versions as (

    {{ unbroken('terms', ['program_id'], [
        'version_number',
        'program_name',
        'program_status',
        'program_currency',
        'commission_type',
        'commission_value',
        'look_back_days',
    ]) }}

),

-- A program that is known by its id alone has one version.
described as (

    select
        {{ surrogate_key([
            'programs.program_id',
            'coalesce(versions.valid_from, ' ~ start_of_history() ~ ')',
        ]) }} as program_version_key,
        programs.program_key,
        programs.program_id,
        {{ surrogate_key(['programs.program_id', 'versions.version_number']) }}
            as program_terms_id,
        versions.program_name,
        versions.program_status,
        versions.program_currency,
        versions.commission_type,
        versions.commission_value,
        versions.look_back_days,
        coalesce(versions.is_deleted, false) as is_program_deleted,
        coalesce(versions.valid_from, {{ start_of_history() }}) as valid_from,
        versions.valid_to,
        versions.valid_to is null as is_current
    from programs
    left join versions on programs.program_id = versions.program_id

),

final as (

    {{ with_placeholders(
        'described',
        ['program_version_key', 'program_key'],
        names=['program_name'],
        flags=['is_program_deleted', 'is_current'],
        begins='valid_from'
    ) }}

)

select * from final
