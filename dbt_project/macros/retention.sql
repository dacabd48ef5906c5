{#- What distinguishes retention cohorts, in one place for the exposures and the features. -#}

{#- A month number beyond all data: the last month of open-ended periods. -#}
{% macro far_month() -%}
    120000
{%- endmacro %}

{% macro retention_product(product_family) -%}
    case
        when {{ product_family }} in ({{ text_list(var('features')['main_product_families']) }}) then {{ product_family }}
        when {{ product_family }} is not null then 'other'
    end
{%- endmacro %}

{#- A term of one month counts as none: the customer can leave every month. -#}
{% macro retention_term(term_months) -%}
    case
        when {{ term_months }} <= 1 then 'none'
        when {{ term_months }} in (12, 24) then cast({{ term_months }} as varchar)
        when {{ term_months }} is not null then 'other'
    end
{%- endmacro %}

{% macro population(market_segment) -%}
    case
        when {{ market_segment }} in ('consumer', 'employee') then 'consumer'
        when {{ market_segment }} = 'wholesale' then 'wholesale'
        else 'business'
    end
{%- endmacro %}

{#- The system that a customer's records come from; 'all' where systems are not distinguished. -#}
{% macro source_system(column) -%}
    coalesce({{ column }}, 'all')
{%- endmacro %}
