{{ config(severity='warn') }}

-- Clicks come when somebody sends some; everything else is read with its API.
select
    source_system,
    subject,
    last_read_at,
    source_day
from {{ ref('int_source_reads') }}
where
    subject <> 'clicks'
    and cast({{ dbt.dateadd('day', 2, 'cast(last_read_at as date)') }} as date)
    < source_day
