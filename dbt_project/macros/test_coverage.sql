-- A generic test: the share of values that are known is not below what a mart needs.
-- at_least is a number or a column. A table without rows lacks nothing.
{% test coverage(model, column_name, at_least) %}
    select *
    from {{ model }}
    where {{ column_name }} < {{ at_least }}
{% endtest %}
