with inputs as (

    select * from {{ ref('int_input_coverage') }}
    where not is_known

),

pages as (

    select
        page_id,
        page_title
    from {{ ref('dim_roster_pages') }}

),

final as (

    select
        inputs.input_coverage_id as incomplete_input_key,
        inputs.source_system,
        inputs.endpoint as input_name,
        nullif(inputs.part, '') as input_part,
        pages.page_title,
        case
            when inputs.bears_on_attribution or inputs.aspect = 'people'
                then 'attribution'
            when inputs.aspect = 'amounts' then 'amounts'
            when inputs.source_system = 'autorosters' then 'rosters'
            else inputs.endpoint
        end as affected,
        inputs.reason,
        inputs.known_until,
        inputs.last_tried_at,
        inputs.last_outcome
    from inputs
    left join pages on inputs.part = pages.page_id

)

select * from final
