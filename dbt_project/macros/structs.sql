{#- Several values as one, by name: `fields` is a mapping from names to expressions. -#}
{% macro struct_of(fields) -%}
    {{ adapter.dispatch('struct_of')(fields) }}
{%- endmacro %}

{% macro default__struct_of(fields) -%}
    named_struct({% for name, expression in fields.items() %}'{{ name }}', {{ expression }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro duckdb__struct_of(fields) -%}
    struct_pack({% for name, expression in fields.items() %}{{ name }} := {{ expression }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{#-
    What the first row of a group by `order_by` says, as a struct of `fields`; both are mappings. A null of that row is
    its value. Ranking the rows in a window would sort all of them.
-#}
{% macro values_of_first(fields, order_by) -%}
    min_by({{ struct_of(fields) }}, {{ struct_of(order_by) }})
{%- endmacro %}
