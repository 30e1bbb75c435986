with programs as (

    select * from {{ ref('stg_roster__programs') }}

),

campaigns as (

    select * from {{ ref('stg_roster__campaigns') }}

),

channels as (

    select * from {{ ref('stg_roster__channels') }}

),

contacts as (

    select * from {{ ref('stg_roster__contacts') }}

),

events as (

    select * from {{ ref('stg_roster__events') }}

),

-- A program the API no longer lists, or does not let us list, is known by its id alone.
program_ids as (

    select program_id from programs
    union distinct
    select program_id from events
    union distinct
    select program_id from campaigns
    union distinct
    select program_id from channels
    union distinct
    select program_id from contacts

),

described as (

    select
        {{ surrogate_key(['program_ids.program_id']) }} as program_key,
        program_ids.program_id,
        programs.program_name,
        programs.status as program_status,
        programs.currency as program_currency,
        programs.commission_type,
        programs.commission_value,
        programs.look_back_days,
        programs.created_at as program_created_at,
        programs.updated_at as program_updated_at,
        coalesce(programs.is_deleted, false) as is_program_deleted
    from program_ids
    left join programs on program_ids.program_id = programs.program_id
    where program_ids.program_id is not null

),

final as (

    {{ with_placeholders(
        'described',
        ['program_key'],
        names=['program_name'],
        flags=['is_program_deleted']
    ) }}

)

select * from final
