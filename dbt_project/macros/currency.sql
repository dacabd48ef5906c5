{#-
    Amounts in the reporting currency. A row in another currency takes the latest rate on or before its own date, so
    that a later rate never changes an earlier amount; stg_exchange_rates has a row for each such day. The product is
    exact and is rounded once, half away from zero, to the four decimals of the source contract. An amount in the
    reporting currency passes through as it is.
-#}
{% macro in_reporting_currency(amount, currency, rate='rates.rate') -%}
    case
        when {{ currency }} is null or {{ currency }} = {{ text_literal(var('currency')) }} then {{ amount }}
        else {{ money('round(' ~ factor(amount) ~ ' * ' ~ rate ~ ', 4)') }}
    end
{%- endmacro %}

{#- The rate that in_reporting_currency took; 1 for the reporting currency itself. -#}
{% macro exchange_rate_in(currency, rate='rates.rate') -%}
    case
        when {{ currency }} is null or {{ currency }} = {{ text_literal(var('currency')) }}
            then cast(1 as decimal(18, 10))
        else {{ rate }}
    end
{%- endmacro %}
