with pages as (

    select * from {{ ref('stg_autorosters__pages') }}

),

page_reads as (

    select * from {{ ref('int_roster_pages') }}

),

-- A page whose rows were purged, or never loaded, is known by its reads.
page_ids as (

    select page_id from pages
    union distinct
    select page_id from page_reads

),

described as (

    select
        {{ surrogate_key(['page_ids.page_id']) }} as page_key,
        page_ids.page_id,
        pages.page_title,
        pages.page_description,
        pages.owner_id as owner_discord_id,
        pages.custom_url_path,
        pages.public_url,
        page_reads.member_count as page_member_count,
        page_reads.rank_count,
        page_reads.first_read_at as page_first_read_at,
        page_reads.last_read_at as page_last_read_at,
        coalesce(page_reads.is_retired, false) as is_retired,
        page_reads.retired_at
    from page_ids
    left join pages on page_ids.page_id = pages.page_id
    left join page_reads on page_ids.page_id = page_reads.page_id

),

final as (

    {{ with_placeholders(
        'described',
        ['page_key'],
        names=['page_title'],
        flags=['is_retired']
    ) }}

)

select * from final
