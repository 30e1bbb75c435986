with subdivisions as (

    select * from {{ ref('int_member_subdivision_periods') }}

),

by_name as (

    select
        page_id,
        subdivision,
        count(case when valid_to is null then 1 end) as member_count
    from subdivisions
    group by page_id, subdivision

),

described as (

    select
        {{ surrogate_key(['page_id', 'subdivision']) }} as subdivision_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        page_id,
        subdivision as subdivision_name,
        member_count as subdivision_member_count
    from by_name

),

final as (

    {{ with_placeholders(
        'described',
        ['subdivision_key', 'page_key'],
        names=['subdivision_name']
    ) }}

)

select * from final
