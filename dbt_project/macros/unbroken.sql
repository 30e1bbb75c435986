{#-
    The body of a CTE: periods of keys as versions that follow one another. The first one
    reaches back to the start of history, because nothing says what was before; where the
    periods have a gap, a version says that the record was deleted, with its last values.
-#}
{% macro unbroken(periods, keys, attributes) -%}
    {%- set columns = (keys + attributes) | join(',\n        ') -%}
    select
        {{ columns }},
        case when place = 1 then {{ start_of_history() }} else valid_from end as valid_from,
        valid_to,
        false as is_deleted
    from ({{ _neighbours(periods, keys) }}) as held

    union all

    select
        {{ columns }},
        valid_to as valid_from,
        next_valid_from as valid_to,
        true as is_deleted
    from ({{ _neighbours(periods, keys) }}) as left_off
    where
        next_valid_from > valid_to
        or (valid_to is not null and next_valid_from is null)
{%- endmacro %}

{% macro _neighbours(periods, keys) -%}
    select
        *,
        row_number() over (
            partition by {{ keys | join(', ') }}
            order by valid_from
        ) as place,
        lead(valid_from) over (
            partition by {{ keys | join(', ') }}
            order by valid_from
        ) as next_valid_from
    from {{ periods }}
{%- endmacro %}
