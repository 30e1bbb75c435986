with members as (

    select * from {{ ref('int_page_members') }}

),

known as (

    select
        'certification' as qualification_kind,
        page_id,
        certification_name as qualification_name
    from {{ ref('dim_certifications') }}

    union all

    select
        'subdivision' as qualification_kind,
        page_id,
        subdivision_name as qualification_name
    from {{ ref('dim_subdivisions') }}

),

held as (

    select
        'certification' as qualification_kind,
        page_id,
        discord_id,
        certification as qualification_name
    from {{ ref('int_member_certifications') }}

    union all

    select
        'subdivision' as qualification_kind,
        page_id,
        discord_id,
        subdivision as qualification_name
    from {{ ref('int_member_subdivisions') }}

),

final as (

    select
        {{ surrogate_key([
            'members.page_id',
            'members.discord_id',
            'known.qualification_kind',
            'known.qualification_name',
        ]) }} as member_qualification_key,
        {{ surrogate_key(['members.page_id']) }} as page_key,
        {{ surrogate_key(["'autorosters'", 'members.discord_id']) }} as member_key,
        {{ surrogate_key(['members.page_id', 'members.role_id']) }} as rank_key,
        known.qualification_kind,
        known.qualification_name,
        held.discord_id is not null as is_held
    from members
    inner join known on members.page_id = known.page_id
    left join held
        on
            members.page_id = held.page_id
            and members.discord_id = held.discord_id
            and known.qualification_kind = held.qualification_kind
            and known.qualification_name = held.qualification_name

)

select * from final
