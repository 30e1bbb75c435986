{#-
    The body of a CTE: the periods in which some columns of the records of a log had the same
    values. A record has ``keys``; ``also`` are columns that are as they were when the period
    began. A period without length (two reads at one timestamp) is left out.
-#}
{% macro periods(versions, keys, attributes, also=[]) -%}
    {%- set columns = keys + attributes + also -%}
    select
        {{ columns | join(',\n        ') }},
        valid_from,
        valid_to
    from (
        select
            *,
            lead(valid_from) over (
                partition by {{ keys | join(', ') }}
                order by sequence_number
            ) as valid_to
        from (
            select
                {{ columns | join(',\n                ') }},
                valid_from,
                sequence_number,
                case when change_type = 'deleted' then 1 else 0 end as is_gone,
                case
                    when lag(change_type) over ({{ _versions_of(keys) }}) is null then 1
                    when
                        (change_type = 'deleted')
                        <> (lag(change_type) over ({{ _versions_of(keys) }}) = 'deleted')
                        then 1
                    {%- for attribute in attributes %}
                    when
                        {{ attribute }}
                        <> lag({{ attribute }}) over ({{ _versions_of(keys) }})
                        then 1
                    when
                        ({{ attribute }} is null)
                        <> (lag({{ attribute }}) over ({{ _versions_of(keys) }}) is null)
                        then 1
                    {%- endfor %}
                    else 0
                end as is_start
            from {{ versions }}
        ) as compared
        where is_start = 1
    ) as bounded
    where
        is_gone = 0
        and (
            valid_to is null
            or valid_to > valid_from
        )
{%- endmacro %}

{% macro _versions_of(keys) -%}
    partition by {{ keys | join(', ') }}
    order by sequence_number
{%- endmacro %}
