{#- The expression is true for every row; null counts as false. -#}
{% test expression_holds(model, expression, scope=none) %}
select *
from {{ model }}
where
    {{ in_run_scope(scope) }}
    and not coalesce({{ expression }}, false)
{% endtest %}
