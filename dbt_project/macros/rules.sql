{#-
    Ordered rules as one expression: the first rule whose condition holds wins.
    `part` is what the expression gives: 'id', 'segment' or 'because'. A rule whose segment is `override` gives the
    value of `override_column` instead of a name of its own.
-#}
{% macro first_rule(rules, part, override_column=none) -%}
    case
        {%- for rule in rules %}
        when {{ rule['when'] }} then {{ rule_value(rule[part], part, override_column) }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro rule_value(value, part, override_column) -%}
    {%- if part == 'segment' and value == 'override' -%}
        {{ override_column }}
    {%- else -%}
        {{ text_literal(value) }}
    {%- endif -%}
{%- endmacro %}

{% macro text_literal(value) -%}
    '{{ value | replace("'", "''") }}'
{%- endmacro %}

{#- A list of settings as the inside of an `in (…)`; an empty list matches nothing. -#}
{% macro text_list(values) -%}
    {%- for value in values -%}
    {{ text_literal(value) }}{{ ', ' if not loop.last }}
    {%- else -%}
    null
    {%- endfor -%}
{%- endmacro %}

{#- Product cost a month as a share of the list fee, by product family. -#}
{% macro product_cost_share(product_family) -%}
    {%- set shares = var('costs')['product_cost_share'] -%}
    coalesce(
        {%- for family, share in shares.items() if family != 'default' %}
        case when {{ product_family }} = {{ text_literal(family) }} then cast({{ share }} as decimal(9, 6)) end,
        {%- endfor %}
        cast({{ shares.get('default', 0) }} as decimal(9, 6))
    )
{%- endmacro %}
