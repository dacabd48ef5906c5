{#-
    Amounts in the reporting currency. An amount in another currency is converted at the latest rate on or before its
    date, so later rates never change earlier amounts; stg_exchange_rates has a row for each day on which a rate holds.
    The product is exact and is rounded once, half away from zero, to the four decimals of the source contract. Amounts
    in the reporting currency are returned unchanged.
-#}
{% macro in_reporting_currency(amount, currency, rate='rates.rate') -%}
    case
        when {{ currency }} is null or {{ currency }} = {{ text_literal(var('currency')) }} then {{ amount }}
        else {{ money('round(' ~ factor(amount) ~ ' * ' ~ rate ~ ', 4)') }}
    end
{%- endmacro %}

{#- The rate that in_reporting_currency used; 1 for the reporting currency itself. -#}
{% macro exchange_rate_in(currency, rate='rates.rate') -%}
    case
        when {{ currency }} is null or {{ currency }} = {{ text_literal(var('currency')) }}
            then cast(1 as decimal(18, 10))
        else {{ rate }}
    end
{%- endmacro %}
