with contacts as (

    select * from {{ ref('int_contacts') }}

),

memberships as (

    select * from {{ ref('int_program_memberships') }}
    where is_current

),

-- In a program for all that is known, though no event says so.
perhaps_members as (

    select distinct contact_id
    from {{ ref('int_possible_memberships') }}
    where
        is_certain = 0
        and valid_to >= {{ end_of_time() }}

),

missing_events as (

    select count(*) as missing_count
    from {{ ref('int_input_coverage') }}
    where
        endpoint = 'events'
        and aspect = 'reads'
        and not is_known
        and known_until is null

),

user_history as (

    select * from {{ ref('int_discord_user_periods') }}

),

current_users as (

    select * from {{ ref('int_rank_members') }}

),

roster_members as (

    select
        'roster' as source_system,
        contacts.contact_id as source_id,
        trim(
            {{ dbt.concat([
                "coalesce(contacts.first_name, '')",
                "' '",
                "coalesce(contacts.last_name, '')",
            ]) }}
        ) as full_name,
        contacts.email,
        contacts.social_handle,
        contacts.discord_handle,
        contacts.discord_handle_key,
        contacts.referral_id,
        contacts.stage as contact_stage,
        memberships.program_id as current_program_id,
        case
            when memberships.program_id is not null then true
            when perhaps_members.contact_id is null and missing_events.missing_count = 0
                then false
        end as is_active,
        cast(null as {{ dbt.type_bigint() }}) as current_page_count,
        contacts.first_seen_at
    from contacts
    cross join missing_events
    left join memberships on contacts.contact_id = memberships.contact_id
    left join perhaps_members on contacts.contact_id = perhaps_members.contact_id

),

-- A user is called as the last version says; where there is none, as the page does.
named_users as (

    select
        discord_id,
        member_name,
        discord_username,
        0 as authority,
        observed_at
    from current_users

    union all

    select
        discord_id,
        member_name,
        discord_username,
        1 as authority,
        valid_from as observed_at
    from user_history

),

discord_names as (

    select
        discord_id,
        {{ latest_known('member_name', ['authority', 'observed_at', 'member_name']) }}
            as member_name,
        {{ latest_known(
            'discord_username', ['authority', 'observed_at', 'discord_username']
        ) }} as discord_username,
        min(observed_at) as first_seen_at
    from named_users
    group by discord_id

),

pages_by_user as (

    select
        discord_id,
        count(distinct page_id) as current_page_count
    from current_users
    group by discord_id

),

-- Of those who are on a page; the handle of who left is compared as it was shown.
handle_keys as (

    select
        discord_id,
        {{ latest_known(
            'discord_username_key', ['observed_at', 'discord_username_key']
        ) }} as discord_handle_key
    from {{ ref('stg_autorosters__users') }}
    group by discord_id

),

autorosters_members as (

    select
        'autorosters' as source_system,
        discord_names.discord_id as source_id,
        discord_names.member_name as full_name,
        cast(null as {{ dbt.type_string() }}) as email,
        cast(null as {{ dbt.type_string() }}) as social_handle,
        discord_names.discord_username as discord_handle,
        handle_keys.discord_handle_key,
        cast(null as {{ dbt.type_string() }}) as referral_id,
        cast(null as {{ dbt.type_string() }}) as contact_stage,
        cast(null as {{ dbt.type_string() }}) as current_program_id,
        pages_by_user.discord_id is not null as is_active,
        coalesce(pages_by_user.current_page_count, 0) as current_page_count,
        discord_names.first_seen_at
    from discord_names
    left join pages_by_user on discord_names.discord_id = pages_by_user.discord_id
    left join handle_keys on discord_names.discord_id = handle_keys.discord_id

),

all_members as (

    select * from roster_members
    union all
    select * from autorosters_members

),

final as (

    select
        {{ surrogate_key(['source_system', 'source_id']) }} as member_id,
        source_system,
        source_id,
        nullif(full_name, '') as full_name,
        email,
        social_handle,
        discord_handle,
        discord_handle_key,
        referral_id,
        contact_stage,
        current_program_id,
        is_active,
        current_page_count,
        first_seen_at
    from all_members

)

select * from final
