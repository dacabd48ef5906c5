{#- The product families that customers of every kind can hold, of those that the source contract accepts. -#}
{% macro product_families() -%}
    {{ return(['internet', 'tv', 'fixed_voice', 'mobile', 'cloud', 'security']) }}
{%- endmacro %}
