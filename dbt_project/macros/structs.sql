{#- Several named values as one struct: `fields` maps names to expressions. -#}
{% macro struct_of(fields) -%}
    {{ adapter.dispatch('struct_of')(fields) }}
{%- endmacro %}

{% macro default__struct_of(fields) -%}
    named_struct({% for name, expression in fields.items() %}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro duckdb__struct_of(fields) -%}
    {{ '{' }}{% for name, expression in fields.items() %}'{{ name }}': {{ expression }}{{ ', ' if not loop.last }}{% endfor %}{{ '}' }}
{%- endmacro %}

{#-
    The values of the first row of a group by `order_by`, as a struct of `fields`; both are mappings. A null in that row
    is returned as null. Ranking the rows in a window would sort all of them.
-#}
{% macro values_of_first(fields, order_by) -%}
    min_by({{ struct_of(fields) }}, {{ struct_of(order_by) }})
{%- endmacro %}
