{{ config(severity='warn') }}

-- How long the rank is held is then not known.
select
    page_id,
    role_id,
    discord_id,
    promotion_date,
    last_read_day
from {{ ref('int_rank_assignments') }}
where
    is_current
    and promotion_date > last_read_day
