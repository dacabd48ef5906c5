{#- What a margin is made of: the first is income, the others are taken from it. -#}
{% macro margin_components() -%}
    {{ return([
        'net_invoiced', 'credited', 'written_off', 'product_cost', 'usage_cost', 'care_cost', 'payment_cost'
    ]) }}
{%- endmacro %}
