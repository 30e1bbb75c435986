with members as (

    select * from {{ ref('int_members') }}

),

given_links as (

    select
        contact_id,
        nullif(trim(discord_id), '') as discord_id
    from {{ ref('member_links') }}

),

contacts as (

    select
        source_id as contact_id,
        email,
        {{ normalized("replace(discord_handle, '@', '')", 'discord_handle_key') }}
            as discord_username
    from members
    where source_system = 'roster'

),

users as (

    select
        source_id as discord_id,
        {{ normalized('discord_handle', 'discord_handle_key') }} as discord_username
    from members
    where source_system = 'autorosters'

),

-- A handle that several people claim on either side names nobody.
claimed_once as (

    select
        discord_username,
        min(contact_id) as contact_id
    from contacts
    where discord_username is not null
    group by discord_username
    having count(*) = 1

),

used_once as (

    select
        discord_username,
        min(discord_id) as discord_id
    from users
    where discord_username is not null
    group by discord_username
    having count(*) = 1

),

by_handle as (

    select
        claimed_once.contact_id,
        used_once.discord_id
    from claimed_once
    inner join used_once
        on claimed_once.discord_username = used_once.discord_username

),

direct as (

    select
        contacts.contact_id,
        contacts.email,
        case
            when given_links.contact_id is not null then given_links.discord_id
            else by_handle.discord_id
        end as discord_id,
        case
            when given_links.contact_id is not null then 'member_links'
            when by_handle.discord_id is not null then 'discord_handle'
        end as match_reason
    from contacts
    left join given_links on contacts.contact_id = given_links.contact_id
    left join by_handle on contacts.contact_id = by_handle.contact_id

),

-- Contacts with one e-mail are one person, unless they are known to be two. A link that
-- was given has the last word, also when it links to nobody.
mailboxes as (

    select
        email,
        min(contact_id) as first_contact_id,
        min(discord_id) as discord_id
    from direct
    where
        email is not null
        and (
            match_reason is null
            or discord_id is not null
        )
    group by email
    having
        count(*) > 1
        and count(distinct discord_id) <= 1

),

matched as (

    select
        direct.contact_id,
        case
            when direct.match_reason is null then mailboxes.discord_id
            else direct.discord_id
        end as discord_id,
        case
            when direct.match_reason is null then mailboxes.first_contact_id
        end as first_contact_id,
        case
            when direct.match_reason is not null then direct.match_reason
            when mailboxes.email is not null then 'email'
        end as match_reason
    from direct
    left join mailboxes on direct.email = mailboxes.email

),

final as (

    select
        contact_id,
        discord_id,
        case
            when discord_id is not null
                then {{ surrogate_key(["'autorosters'", 'discord_id']) }}
            else
                {{ surrogate_key([
                    "'roster'",
                    'coalesce(first_contact_id, contact_id)',
                ]) }}
        end as person_key,
        match_reason
    from matched

)

select * from final
