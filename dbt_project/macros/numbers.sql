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

{#- How many of the listed values a group has: a flag for each is quicker than counting distinct texts. -#}
{% macro count_of_listed(column, values) -%}
    {%- for value in values -%}
    {{ ' + ' if not loop.first }}max(case when {{ column }} = {{ text_literal(value) }} then 1 else 0 end)
    {%- endfor -%}
{%- endmacro %}

{#- Sum of a group of which every value is known; null where one is not. -#}
{% macro sum_if_all_known(column) -%}
    case when count({{ column }}) = count(*) then sum({{ column }}) end
{%- endmacro %}

{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{#-
    An amount that is multiplied by another decimal. DuckDB computes the product of two decimals of at most 18 digits in
    64 bits, which 10,000 at an exchange rate overflow; one digit more and it takes 128.
-#}
{% macro factor(amount) -%}
    cast({{ amount }} as decimal(19, 4))
{%- endmacro %}

{#- Future value of a group; null where customers of it are open and the future of none of them is known. -#}
{% macro sum_of_future(value, is_open='is_open') -%}
    case
        when
            count(case when {{ is_open }} then {{ value }} end) > 0
            or count(case when {{ is_open }} then 1 end) = 0
            then sum({{ value }})
    end
{%- endmacro %}

{#-
    Amount of one kind of margin entry. There is one row per customer, month and kind at most, so the greatest is the
    total; sums would be added up in decimals twice as wide.
-#}
{% macro amount_of_component(component) -%}
    coalesce(max(case when component = '{{ component }}' then amount end), {{ money(0) }})
{%- endmacro %}

{#- How a measure is spread over a group: how many values are known, their mean and quantiles. -#}
{% macro spread_of(measure) -%}
    count({{ measure }}) as {{ measure }}_known,
    avg(cast({{ measure }} as decimal(18, 6))) as {{ measure }}_mean,
    {{ quantile(measure, 0.1) }} as {{ measure }}_p10,
    {{ quantile(measure, 0.5) }} as {{ measure }}_median,
    {{ quantile(measure, 0.9) }} as {{ measure }}_p90
{%- endmacro %}

{#- A text as a number; null where it is none, not finite, or so long that it is an identifier. -#}
{% macro number_of_text(text) -%}
    case when abs(try_cast({{ text }} as double)) < 1e12 then try_cast({{ text }} as double) end
{%- endmacro %}

{#- The spread of one measure as a row of its own. -#}
{% macro spread_row(measure) -%}
    select
        version_id,
        scheme,
        segment,
        '{{ measure }}' as measure,
        {{ measure }}_known as customers_known,
        {{ measure }}_mean as mean_value,
        {{ measure }}_p10 as p10_value,
        {{ measure }}_median as median_value,
        {{ measure }}_p90 as p90_value
    from spreads
{%- endmacro %}
