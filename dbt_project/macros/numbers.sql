{#- A derived table of the integers 0 to 999 in the column `number`, in portable SQL. -#}
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

{#- `numerator / denominator` as a double; null if the denominator is zero. -#}
{% macro ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{#- Continuous quantile of a column. -#}
{% macro quantile(column, share) -%}
    percentile_cont({{ share }}) within group (order by {{ column }})
{%- endmacro %}

{#- How many of the listed values a group has: one flag per value is faster than counting distinct texts. -#}
{% macro count_of_listed(column, values) -%}
    {%- for value in values -%}
    {{ ' + ' if not loop.first }}max(case when {{ column }} = {{ text_literal(value) }} then 1 else 0 end)
    {%- endfor -%}
{%- endmacro %}

{#- Sum over a group; null unless every value is known. -#}
{% macro sum_if_all_known(column) -%}
    case when count({{ column }}) = count(*) then sum({{ column }}) end
{%- endmacro %}

{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{#-
    An amount to be multiplied by another decimal. DuckDB multiplies decimals of at most 18 digits in 64 bits, which
    10,000 at an exchange rate overflows; with one digit more it uses 128 bits.
-#}
{% macro factor(amount) -%}
    cast({{ amount }} as decimal(19, 4))
{%- endmacro %}

{#- Future value of a group; null if it has open customers but none of their future values is known. -#}
{% macro sum_of_future(value, is_open='is_open') -%}
    case
        when
            count(case when {{ is_open }} then {{ value }} end) > 0
            or count(case when {{ is_open }} then 1 end) = 0
            then sum({{ value }})
    end
{%- endmacro %}

{#-
    Amount of one kind of margin entry. There is at most one row per customer, month and kind, so the maximum is the
    total; a sum would widen the decimal type.
-#}
{% macro amount_of_component(component) -%}
    coalesce(max(case when component = '{{ component }}' then amount end), {{ money(0) }})
{%- endmacro %}

{#- Distribution of a measure over a group: number of known values, mean and quantiles. -#}
{% macro spread_of(measure) -%}
    count({{ measure }}) as {{ measure }}_known,
    avg(cast({{ measure }} as decimal(18, 6))) as {{ measure }}_mean,
    {{ quantile(measure, 0.1) }} as {{ measure }}_p10,
    {{ quantile(measure, 0.5) }} as {{ measure }}_median,
    {{ quantile(measure, 0.9) }} as {{ measure }}_p90
{%- endmacro %}

{#- A text as a number; null if it is not a finite number, or is so long that it must be an identifier. -#}
{% macro number_of_text(text) -%}
    case when abs(try_cast({{ text }} as double)) < 1e12 then try_cast({{ text }} as double) end
{%- endmacro %}

{#- The distribution of one measure as a separate row. -#}
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
