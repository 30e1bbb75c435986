{# Past builds cannot be repeated, so no full refresh forgets what they saw. #}
{{ config(
    materialized='incremental',
    unique_key='page_load_id',
    full_refresh=false,
    on_schema_change='append_new_columns',
) }}

with page_loads as (

    select * from {{ ref('stg_autorosters__page_loads') }}

),

compared as (

    select
        page_load_id,
        page_id,
        observed_at,
        outcome,
        coalesce(content_hash, page_load_id) as content_hash,
        lag(coalesce(content_hash, page_load_id)) over (
            partition by page_id
            order by observed_at
        ) as previous_content_hash,
        row_number() over (
            partition by page_id
            order by observed_at desc
        ) as recency
    from page_loads

),

numbered as (

    select
        *,
        sum(case when content_hash = previous_content_hash then 0 else 1 end) over (
            partition by page_id
            order by observed_at
            rows between unbounded preceding and current row
        ) as content_number
    from compared

),

dated as (

    select
        *,
        min(observed_at) over (
            partition by page_id, content_number
        ) as content_since
    from numbered

),

latest as (

    select * from dated
    where recency = 1

),

known as (

    {% if builds_on_itself() -%}
        select
            page_load_id,
            page_id,
            content_since
        from {{ this }}
    {%- else -%}
        select
            page_load_id,
            page_id,
            content_since
        from dated
        where 1 = 0
    {%- endif %}

),

built as (

    select distinct
        page_id,
        content_since
    from known

),

-- History sees what a build finds, so a read between two builds is known when its
-- content is that of one of them.
final as (

    select
        dated.page_load_id,
        dated.page_id,
        dated.observed_at,
        dated.outcome,
        dated.content_hash,
        dated.content_since
    from dated
    left join latest
        on
            dated.page_id = latest.page_id
            and dated.content_hash = latest.content_hash
    left join built
        on
            dated.page_id = built.page_id
            and dated.content_since = built.content_since
    left join known on dated.page_load_id = known.page_load_id
    where
        known.page_load_id is null
        and coalesce(latest.page_id, built.page_id) is not null

)

select * from final
