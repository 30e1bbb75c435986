{{ config(severity='warn') }}

with on_page as (

    select distinct
        page_id,
        discord_id
    from {{ ref('stg_autorosters__users') }}

),

listed as (

    select distinct
        page_id,
        discord_id
    from {{ ref('stg_autorosters__page_users') }}

),

-- Only one of the two may be in use, or the page retired.
pages_of_both as (

    select page_id from listed
    {{ dbt.intersect() }}
    select page_id from on_page

),

compared as (

    select
        coalesce(on_page.page_id, listed.page_id) as page_id,
        coalesce(on_page.discord_id, listed.discord_id) as discord_id,
        on_page.discord_id is not null as is_on_page,
        listed.discord_id is not null as is_listed
    from on_page
    full outer join listed
        on
            on_page.page_id = listed.page_id
            and on_page.discord_id = listed.discord_id

),

final as (

    select compared.*
    from compared
    inner join pages_of_both on compared.page_id = pages_of_both.page_id
    where not (compared.is_on_page and compared.is_listed)

)

select * from final
