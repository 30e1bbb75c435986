-- When a record became what a version says: at its own updated_at, where that lies between
-- the read of the version before and its own; otherwise when it was read.
{% macro changed_at(keys) -%}
    case
        when
            _change <> 'deleted'
            and updated_at <= _valid_from
            and (
                lag(_valid_from) over ({{ _raw_versions_of(keys) }}) is null
                or updated_at > lag(_valid_from) over ({{ _raw_versions_of(keys) }})
            )
            then updated_at
        else _valid_from
    end
{%- endmacro %}

{% macro _raw_versions_of(keys) -%}
    partition by {{ keys | join(', ') }}
    order by _sequence
{%- endmacro %}
