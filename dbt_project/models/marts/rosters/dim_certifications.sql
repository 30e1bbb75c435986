with certifications as (

    select * from {{ ref('int_member_certification_periods') }}

),

by_name as (

    select
        page_id,
        certification,
        count(case when valid_to is null then 1 end) as holder_count
    from certifications
    group by page_id, certification

),

described as (

    select
        {{ surrogate_key(['page_id', 'certification']) }} as certification_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        page_id,
        certification as certification_name,
        holder_count
    from by_name

),

final as (

    {{ with_placeholders(
        'described',
        ['certification_key', 'page_key'],
        names=['certification_name']
    ) }}

)

select * from final
