with customers as (

    select * from {{ ref('int_customers') }}

),

final as (

    {{ with_placeholders('customers', ['customer_key']) }}

)

select * from final
