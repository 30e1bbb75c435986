-- A generic test: of each key one version holds at any time, from the first one's beginning.
-- Each version begins where the one before ends, and the last one has no end.
{% test unbroken_history(model, key) %}
    with versions as (
        select
            {{ key }},
            valid_from,
            valid_to,
            is_current,
            lead(valid_from) over (
                partition by {{ key }}
                order by valid_from
            ) as next_valid_from
        from {{ model }}
    )

    select *
    from versions
    where
        valid_from >= valid_to
        or valid_to <> next_valid_from
        or (valid_to is null and next_valid_from is not null)
        or (valid_to is not null and next_valid_from is null)
        or is_current <> (valid_to is null)
{% endtest %}
