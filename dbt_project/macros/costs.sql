{#- Monthly product cost as a share of the list fee, by product family. -#}
{% macro product_cost_share(product_family) -%}
    {%- set shares = var('costs')['product_cost_share'] -%}
    coalesce(
        {%- for family, share in shares | dictsort if family != 'default' %}
        case when {{ product_family }} = {{ text_literal(family) }} then cast({{ share }} as decimal(9, 6)) end,
        {%- endfor %}
        cast({{ shares['default'] | default(0) }} as decimal(9, 6))
    )
{%- endmacro %}
