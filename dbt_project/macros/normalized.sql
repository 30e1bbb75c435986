-- E-mails, codes and link ids as they are compared: trimmed and in lower case; an empty
-- one is unknown, and so equals nothing.
{% macro normalized(column) -%}
    nullif(lower(trim({{ column }})), '')
{%- endmacro %}
