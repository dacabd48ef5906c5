{#-
    Those product families of the source contract that customers of every kind can hold, and `more`.
-#}
{% macro product_families(more=[]) -%}
    {{ return(['internet', 'tv', 'fixed_voice', 'mobile', 'cloud', 'security'] + more) }}
{%- endmacro %}
