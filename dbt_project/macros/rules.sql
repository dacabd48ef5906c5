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
