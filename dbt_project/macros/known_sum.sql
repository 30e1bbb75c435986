-- An aggregate: the sum of what is known of some rows of a group. It is 0 where there are
-- no such rows, and NULL where their amounts are not known, or where no amount of the group
-- is, so that sums of sums stay unknown too. Rows that `perhaps` belong to them, for all
-- anybody knows, make a sum of nothing unknown.
{% macro known_sum(amount, condition='true', perhaps='false') -%}
    case
        when count({{ amount }}) = 0 then null
        when count(case when {{ condition }} then 1 end) > 0
            then sum(case when {{ condition }} then {{ amount }} end)
        when count(case when {{ perhaps }} then 1 end) = 0 then 0
    end
{%- endmacro %}
