with users as (

    select * from {{ ref('stg_autorosters__users') }}

),

members as (

    select * from {{ ref('dim_members') }}
    where source_system = 'autorosters'

),

final as (

    select users.discord_id
    from users
    left join members on users.discord_id = members.source_id
    where members.source_id is null

)

select * from final
