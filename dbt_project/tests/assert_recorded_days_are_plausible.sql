{{ config(severity='warn') }}

-- A placeholder (0001-01-01) or a typing error; the record counts all the same.
select
    subject,
    date_day,
    record_count
from {{ ref('int_recorded_days') }}
where not is_plausible
