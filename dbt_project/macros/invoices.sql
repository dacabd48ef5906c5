{#- A credit note says so; where the source has no kinds, its sign does. -#}
{% macro is_credit_note(kind, net_amount) -%}
    coalesce({{ kind }} = 'credit', {{ net_amount }} < 0)
{%- endmacro %}
