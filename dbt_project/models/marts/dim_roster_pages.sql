with pages as (

    select * from {{ ref('stg_autorosters__pages') }}

),

page_loads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

loads_by_page as (

    select
        page_id,
        min(observed_at) as first_read_at,
        max(observed_at) as last_read_at
    from page_loads
    group by page_id

),

last_loads as (

    select
        page_loads.page_id,
        page_loads.member_count,
        page_loads.rank_count
    from page_loads
    inner join loads_by_page
        on
            page_loads.page_id = loads_by_page.page_id
            and page_loads.observed_at = loads_by_page.last_read_at

),

final as (

    select
        {{ surrogate_key(['pages.page_id']) }} as page_key,
        pages.page_id,
        pages.page_title,
        pages.page_description,
        pages.owner_id as owner_discord_id,
        pages.custom_url_path,
        pages.public_url,
        last_loads.member_count,
        last_loads.rank_count,
        loads_by_page.first_read_at,
        loads_by_page.last_read_at
    from pages
    left join loads_by_page on pages.page_id = loads_by_page.page_id
    left join last_loads on pages.page_id = last_loads.page_id

)

select * from final
