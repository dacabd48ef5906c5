{#- A derived table of the integers 0 to 999 in the column `number`, in SQL that every engine reads. -#}
{% macro thousand_numbers() -%}
    (
        select ones.digit + 10 * tens.digit + 100 * hundreds.digit as number
        from ({{ digits() }}) as ones
        cross join ({{ digits() }}) as tens
        cross join ({{ digits() }}) as hundreds
    )
{%- endmacro %}

{% macro digits() -%}
    {%- for digit in range(10) -%}
    select {{ digit }} as digit {{- ' union all ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- `numerator / denominator` as a double; null where nothing can be shared out. -#}
{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{#- Continuous quantile of a column. -#}
{% macro quantile(column, share) -%}
    percentile_cont({{ share }}) within group (order by {{ column }})
{%- endmacro %}

{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}
