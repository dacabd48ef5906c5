{#- Whether a bill can be for its period: one that ends before it starts, or is longer than allowed, is an error. -#}
{% macro is_believable_period(period_start, period_end) -%}
    {{ period_end }} >= {{ period_start }}
    and {{ period_end }} <= {{ add_months(period_start, var('billing')['longest_period_months'] | int) }}
{%- endmacro %}

{#- Credit notes are marked by kind; where the source has no kinds, by a negative amount. -#}
{% macro is_credit_note(kind, net_amount) -%}
    coalesce({{ kind }} = 'credit', {{ net_amount }} < 0)
{%- endmacro %}
