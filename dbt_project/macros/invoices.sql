{#- Credit notes are marked by kind; where the source has no kinds, by a negative amount. -#}
{% macro is_credit_note(kind, net_amount) -%}
    coalesce({{ kind }} = 'credit', {{ net_amount }} < 0)
{%- endmacro %}
