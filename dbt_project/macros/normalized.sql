-- E-mails, codes, handles and link ids as they are compared: by the key that was made at
-- load, or, where a row was loaded before there were keys, trimmed and in lower case. An
-- empty one is unknown, and so equals nothing.
{% macro normalized(column, key='null') -%}
    nullif(coalesce({{ key }}, lower(trim({{ column }}))), '')
{%- endmacro %}

-- The ISO 4217 code of a raw table's currency; an empty one is unknown.
{% macro currency_code() -%}
    nullif(coalesce(currency_key, upper(trim(currency))), '')
{%- endmacro %}
