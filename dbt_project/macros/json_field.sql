-- A field of a JSON object that is stored as text: the text under the first of its names
-- that is there. NULL where none is, or where the text is no JSON.
{% macro json_field(column, names) -%}
    coalesce(
    {%- for name in names %}
        {{ adapter.dispatch('json_value', 'roster_platform')(column, name) }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    )
{%- endmacro %}

{% macro default__json_value(column, name) -%}
    json_extract_path_text(cast({{ column }} as json), '{{ name }}')
{%- endmacro %}

{% macro duckdb__json_value(column, name) -%}
    case
        when json_valid({{ column }}) then json_extract_string({{ column }}, '$.{{ name }}')
    end
{%- endmacro %}

{% macro snowflake__json_value(column, name) -%}
    get_path(try_parse_json({{ column }}), '{{ name }}')::varchar
{%- endmacro %}

{% macro bigquery__json_value(column, name) -%}
    json_value({{ column }}, '$.{{ name }}')
{%- endmacro %}

{% macro redshift__json_value(column, name) -%}
    nullif(json_extract_path_text({{ column }}, '{{ name }}', true), '')
{%- endmacro %}

{% macro databricks__json_value(column, name) -%}
    get_json_object({{ column }}, '$.{{ name }}')
{%- endmacro %}

-- The whole number that a text is; NULL for any other text.
{% macro whole_number(text) -%}
    case
        when
            length({{ text }}) between 1 and 9
            and translate({{ text }}, '0123456789', '') = ''
            then cast({{ text }} as {{ dbt.type_bigint() }})
    end
{%- endmacro %}
