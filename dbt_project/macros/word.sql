-- A text without what separates its words, in small letters: "Leak-Proof" is leakproof.
{% macro letters(column) -%}
    {%- set ns = namespace(sql='lower(trim(' ~ column ~ '))') -%}
    {%- for separator in ['.', '_', '-', ' ', '/', ':'] -%}
        {%- set ns.sql = 'replace(' ~ ns.sql ~ ", '" ~ separator ~ "', '')" -%}
    {%- endfor -%}
    {{ ns.sql }}
{%- endmacro %}

-- A word that models look for, however a server writes it: "Shareable", "canceled",
-- "CONTACT_STAGE_CHANGED", "partiallyRefunded". Others are in small letters.
{% macro word(column) -%}
    case {{ letters(column) }}
        when 'canceled' then 'cancelled'
        {%- for known in [
            'leakproof',
            'partially_refunded',
            'contact.created',
            'contact.stage_changed',
            'program.joined',
            'program.left',
            'reward.pending',
            'reward.approved',
            'reward.rejected',
            'reward.paid',
            'reward.redeemed',
        ] %}
        when '{{ known | replace('.', '') | replace('_', '') }}' then '{{ known }}'
        {%- endfor %}
        else {{ normalized(column) }}
    end
{%- endmacro %}

-- A contact's stage as Roster documents it, however a server writes it.
{% macro contact_stage(column) -%}
    case {{ letters(column) }}
        {%- for known in [
            'Prospect',
            'Pending Application',
            'Ambassador',
            'Invited',
            'Nominated',
            'Declined',
        ] %}
        when '{{ known | lower | replace(' ', '') }}' then '{{ known }}'
        {%- endfor %}
        else nullif(trim({{ column }}), '')
    end
{%- endmacro %}
