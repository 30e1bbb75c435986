with users as (

    select
        page_id,
        role_id,
        discord_id
    from {{ ref('int_rank_members') }}

),

open_assignments as (

    select
        page_id,
        role_id,
        discord_id
    from {{ ref('int_rank_assignments') }}
    where is_current

),

missing as (

    select * from users
    {{ dbt.except() }}
    select * from open_assignments

),

extra as (

    select * from open_assignments
    {{ dbt.except() }}
    select * from users

),

final as (

    select * from missing
    union all
    select * from extra

)

select * from final
