{#-
    Date arithmetic that engines spell differently, and the month arithmetic that all models share.
    Months are numbered year * 12 + month, so the distance between two months is a plain subtraction.
-#}

{% macro month_end(date) -%}
    last_day({{ date }})
{%- endmacro %}

{% macro month_start(date) -%}
    cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}

{% macro month_number(date) -%}
    (extract(year from {{ date }}) * 12 + extract(month from {{ date }}))
{%- endmacro %}

{#- Calendar months from one date to another; between month ends these are whole months. -#}
{% macro months_between(from_date, to_date) -%}
    cast({{ month_number(to_date) }} - {{ month_number(from_date) }} as integer)
{%- endmacro %}

{#- Share of the month that has passed at the end of the day, or at its beginning. -#}
{% macro share_of_month(date, before=false) -%}
    (extract(day from {{ date }}){{ ' - 1' if before }}) / cast(extract(day from {{ month_end(date) }}) as double)
{%- endmacro %}

{% macro add_months(date, months) -%}
    {{ adapter.dispatch('add_months')(date, months) }}
{%- endmacro %}

{% macro default__add_months(date, months) -%}
    add_months({{ date }}, {{ months }})
{%- endmacro %}

{% macro duckdb__add_months(date, months) -%}
    cast({{ date }} + {{ months }} * interval 1 month as date)
{%- endmacro %}

{#- The first date that every reader of a table can represent, and no source has. -#}
{% macro first_date() -%}
    date '0001-01-01'
{%- endmacro %}

{#- The last date that every reader of a table can represent: later years break Python, pandas and most BI tools. -#}
{% macro last_date() -%}
    date '9999-12-31'
{%- endmacro %}

{#- Last day of a term in months: 12 months from 1 July end on 30 June. Clipped to the last day of a shorter month. -#}
{% macro last_day_of_term(first_day, months) -%}
    case
        when extract(day from {{ add_months(first_day, months) }}) < extract(day from {{ first_day }})
            then {{ add_months(first_day, months) }}
        else {{ add_days(add_months(first_day, months), -1) }}
    end
{%- endmacro %}

{#- The last month, by number, at whose end a period that lasts through a day still holds. -#}
{% macro last_month_through(last_day) -%}
    {{ month_number(last_day) }} - case when {{ last_day }} = {{ month_end(last_day) }} then 0 else 1 end
{%- endmacro %}

{% macro add_days(date, days) -%}
    {{ adapter.dispatch('add_days')(date, days) }}
{%- endmacro %}

{% macro default__add_days(date, days) -%}
    date_add({{ date }}, {{ days }})
{%- endmacro %}

{% macro duckdb__add_days(date, days) -%}
    cast({{ date }} + {{ days }} * interval 1 day as date)
{%- endmacro %}

{#- Days from the first date to the second. -#}
{% macro days_between(from_date, to_date) -%}
    {{ adapter.dispatch('days_between')(from_date, to_date) }}
{%- endmacro %}

{% macro default__days_between(from_date, to_date) -%}
    datediff({{ to_date }}, {{ from_date }})
{%- endmacro %}

{% macro duckdb__days_between(from_date, to_date) -%}
    cast(date_diff('day', {{ from_date }}, {{ to_date }}) as integer)
{%- endmacro %}

{#- Saturday or Sunday, counted from a known Monday because engines number weekdays differently. -#}
{% macro is_weekend(date) -%}
    ({{ days_between("date '1900-01-01'", date) }} % 7 >= 5)
{%- endmacro %}

{#- Whole seconds of clock time from one timestamp to another. -#}
{% macro seconds_between(from_time, to_time) -%}
    {{ adapter.dispatch('seconds_between')(from_time, to_time) }}
{%- endmacro %}

{% macro default__seconds_between(from_time, to_time) -%}
    timestampdiff(second, {{ from_time }}, {{ to_time }})
{%- endmacro %}

{% macro duckdb__seconds_between(from_time, to_time) -%}
    date_diff('second', {{ from_time }}, {{ to_time }})
{%- endmacro %}
