{#-
    The product families that customers of every kind can hold, of those that the source contract accepts, and `more`.
-#}
{% macro product_families(more=[]) -%}
    {{ return(['internet', 'tv', 'fixed_voice', 'mobile', 'cloud', 'security'] + more) }}
{%- endmacro %}
