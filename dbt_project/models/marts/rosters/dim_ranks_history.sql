with periods as (

    select * from {{ ref('int_rank_periods') }}

),

versions as (

    {{ unbroken(
        'periods', ['page_id', 'role_id'], ['rank_name', 'is_command', 'seniority_order']
    ) }}

),

described as (

    select
        {{ surrogate_key(['page_id', 'role_id', 'valid_from']) }} as rank_version_key,
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        page_id,
        role_id,
        rank_name,
        is_command,
        seniority_order,
        is_deleted as is_rank_deleted,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from versions

),

final as (

    {{ with_placeholders(
        'described',
        ['rank_version_key', 'rank_key', 'page_key'],
        names=['rank_name'],
        flags=['is_rank_deleted', 'is_current'],
        begins='valid_from'
    ) }}

)

select * from final
