{#- A credit note says so; where the source has no kinds, its sign does. -#}
{% macro is_credit_note(invoices) -%}
    coalesce({{ invoices }}.kind = 'credit', {{ invoices }}.net_amount < 0)
{%- endmacro %}
