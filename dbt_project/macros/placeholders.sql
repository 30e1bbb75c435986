{#-
    Every dimension has two named rows next to those of the world: "unknown", of what could
    not be read, and "none", of what is known to be nothing. So a foreign key is never NULL,
    and an inner join loses no fact. Their keys are words, which no hash is.
-#}
{% macro or_unknown(key) -%}
    coalesce({{ key }}, 'unknown')
{%- endmacro %}

{% macro or_none(key) -%}
    coalesce({{ key }}, 'none')
{%- endmacro %}

-- The key, or "none" where the condition holds, or else "unknown".
{% macro or_none_when(key, condition) -%}
    coalesce({{ key }}, case when {{ condition }} then 'none' else 'unknown' end)
{%- endmacro %}

-- The key of a column that the API leaves empty, or that it never sends.
{% macro or_none_if_sent(key, column) -%}
    {{ or_none_when(key, 'count(' ~ column ~ ') over () > 0') }}
{%- endmacro %}

-- True for a key of the world.
{% macro is_named(key) -%}
    {{ key }} not in ('unknown', 'none')
{%- endmacro %}

{#-
    The body of a CTE: the rows of a dimension and the two named ones. ``keys`` of these are
    the word, ``names`` are the word in brackets, ``flags`` are false, ``begins`` is the start
    of history; all else is NULL.
-#}
{% macro with_placeholders(described, keys, names=[], flags=[], begins=none) -%}
    {%- set columns = model.columns.keys() | reject('equalto', 'is_placeholder') | list -%}
    select
        {%- for column in columns %}
            {{ column }},
        {%- endfor %}
        false as is_placeholder
    from {{ described }}

    union all

    select
        {%- for column in columns %}
            {% if column in keys -%}
                words.word as {{ column }},
            {%- elif column in names -%}
                {{ dbt.concat(["'('", 'words.word', "')'"]) }} as {{ column }},
            {%- elif column in flags -%}
                {{ 'true' if column.startswith('is_current') else 'false' }} as {{ column }},
            {%- elif column == begins -%}
                {{ start_of_history() }} as {{ column }},
            {%- else -%}
                nothing.{{ column }},
            {%- endif -%}
        {%- endfor %}
        true as is_placeholder
    from (
        select 'unknown' as word
        union all
        select 'none' as word
    ) as words
    -- Nothing, but of the right types.
    left join {{ described }} as nothing on 1 = 0
{%- endmacro %}
