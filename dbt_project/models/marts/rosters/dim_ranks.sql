with ranks as (

    select * from {{ ref('int_rank_periods') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by page_id, role_id
            order by valid_from desc
        ) as recency
    from ranks

),

described as (

    select
        {{ surrogate_key(['page_id', 'role_id']) }} as rank_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        page_id,
        role_id,
        rank_name,
        is_command,
        seniority_order,
        valid_to is null as is_current_rank
    from ranked
    where recency = 1

),

final as (

    {{ with_placeholders(
        'described',
        ['rank_key', 'page_key'],
        names=['rank_name'],
        flags=['is_current_rank']
    ) }}

)

select * from final
