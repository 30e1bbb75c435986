-- Personal data as the marts show it: as it is or, with ROSTER_PLATFORM__HASH_PII, as a
-- keyed hash that still joins and counts. The key never is in the SQL.
{% macro pii(column) -%}
    {%- if env_var('ROSTER_PLATFORM__HASH_PII', 'false') | lower in ('true', '1') -%}
        {{ adapter.dispatch('keyed_hash', 'roster_platform')(column) }}
    {%- else -%}
        {{ column }}
    {%- endif -%}
{%- endmacro %}

{% macro default__keyed_hash(column) -%}
    {{ exceptions.raise_compiler_error(
        "Hashing personal data (ROSTER_PLATFORM__HASH_PII) is not available on "
        ~ target.type ~ "."
    ) }}
{%- endmacro %}

{% macro duckdb__keyed_hash(column) -%}
    keyed_hash({{ column }})
{%- endmacro %}
