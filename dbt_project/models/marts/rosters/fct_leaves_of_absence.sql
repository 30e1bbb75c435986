with entered as (

    select
        nullif(trim(page_id), '') as page_id,
        trim(discord_id) as discord_id,
        first_day,
        last_day
    from {{ ref('leaves_of_absence') }}

),

final as (

    select
        {{ surrogate_key([
            "coalesce(page_id, '')",
            'discord_id',
            'first_day',
        ]) }} as leave_of_absence_key,
        {{ surrogate_key(['page_id']) }} as page_key,
        {{ surrogate_key(["'autorosters'", 'discord_id']) }} as member_key,
        first_day,
        last_day
    from entered

)

select * from final
