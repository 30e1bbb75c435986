with members as (

    select
        {{ surrogate_key(['page_id']) }} as page_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key
    from {{ ref('int_page_members') }}

),

known as (

    select
        'certification' as qualification_kind,
        certification_key as qualification_key,
        page_key,
        certification_name as qualification_name
    from {{ ref('dim_certifications') }}

    union all

    select
        'subdivision' as qualification_kind,
        subdivision_key as qualification_key,
        page_key,
        subdivision_name as qualification_name
    from {{ ref('dim_subdivisions') }}

),

held as (

    select
        'certification' as qualification_kind,
        certification_key as qualification_key,
        member_key
    from {{ ref('fct_member_certifications') }}
    where is_current

    union all

    select
        'subdivision' as qualification_kind,
        subdivision_key as qualification_key,
        member_key
    from {{ ref('fct_member_subdivisions') }}
    where is_current

),

final as (

    select
        {{ surrogate_key([
            'members.page_key',
            'members.member_key',
            'known.qualification_kind',
            'known.qualification_name',
        ]) }} as member_qualification_key,
        members.page_key,
        members.member_key,
        members.rank_key,
        known.qualification_kind,
        known.qualification_name,
        held.member_key is not null as is_held
    from members
    inner join known on members.page_key = known.page_key
    left join held
        on
            members.member_key = held.member_key
            and known.qualification_kind = held.qualification_kind
            and known.qualification_key = held.qualification_key

)

select * from final
