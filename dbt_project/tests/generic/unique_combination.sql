{#- The columns are a key: no combination comes twice, and none of them is null. -#}
{% test unique_combination(model, columns, scope=none) %}
select
    {{ columns | join(', ') }},
    count(*) as occurrences
from {{ model }}
where {{ in_run_scope(scope) }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}
{% endtest %}
