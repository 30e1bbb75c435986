-- Personal data as the marts show it: as it is or, with ROSTER_PLATFORM__HASH_PII, as a
-- keyed hash that still joins and counts. The key never is in the SQL.
{% macro pii(column) -%}
    {%- if env_var('ROSTER_PLATFORM__HASH_PII', 'false') | lower in ('true', '1') -%}
        {{ adapter.dispatch('keyed_hash', 'roster_platform')(column) }}
    {%- else -%}
        {{ column }}
    {%- endif -%}
{%- endmacro %}

-- Who a person is, as a hash: a keyed one where there is a key, else one that anybody who
-- knows the value can compute.
{% macro hashed(column) -%}
    {%- if env_var('ROSTER_PLATFORM__HASH_PII', 'false') | lower in ('true', '1')
        or env_var('ROSTER_PLATFORM__DBT_HAS_PII_KEY', 'false') == 'true' -%}
        {{ adapter.dispatch('keyed_hash', 'roster_platform')(column) }}
    {%- else -%}
        {{ dbt.hash(column) }}
    {%- endif -%}
{%- endmacro %}

-- The customer of an e-mail that a mart shows: it is a hash already, or becomes one.
{% macro customer_of(column) -%}
    {%- if env_var('ROSTER_PLATFORM__HASH_PII', 'false') | lower in ('true', '1') -%}
        {{ column }}
    {%- else -%}
        {{ hashed(column) }}
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
