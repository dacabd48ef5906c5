{#- What a customer is expected to bring in next month, in one place for all models that estimate it. -#}

{#- Expected revenue less the share that the population does not pay, less expected cost. -#}
{% macro expected_margin(expected_revenue, write_off_rate, expected_cost) -%}
    {{ expected_revenue }} * (1 - {{ write_off_rate }}) - ({{ expected_cost }})
{%- endmacro %}

{#- Expected cost to serve, from the last three months. -#}

{% macro expected_usage_cost(gb_month) -%}
    {{ money('coalesce(' ~ gb_month ~ ', 0) * ' ~ var('costs')['per_gb']) }}
{%- endmacro %}

{% macro expected_care_cost(contacts_3m) -%}
    {{ money('coalesce(' ~ contacts_3m ~ ', 0) * ' ~ var('costs')['per_contact'] ~ ' / 3') }}
{%- endmacro %}

{#-
    The share of billed amounts that is lost over the twelve months up to a month, by as-of date, month and population.
    `customers` has the population of each customer by as_of_date; `ends` has as_of_date and the month_number to look
    back from. Summed by month first, so that the ledger is read once however many ends there are.
-#}
{% macro write_off_rates(customers, ends) -%}
    select
        ends.as_of_date,
        ends.month_number,
        by_month.population,
        coalesce(
            greatest({{ ratio('sum(by_month.written_off)', 'sum(by_month.net_billed)') }}, 0), 0
        ) as write_off_rate
    from {{ ends }} as ends
    inner join (
        select
            customers.as_of_date,
            customers.population,
            {{ month_number('margins.month_end_date') }} as month_number,
            sum(margins.written_off) as written_off,
            sum(margins.net_invoiced - margins.credited) as net_billed
        from {{ customers }} as customers
        inner join {{ ref('margin_months') }} as margins
            on
                customers.customer_id = margins.customer_id
                and customers.as_of_date >= margins.month_end_date
        group by customers.as_of_date, customers.population, {{ month_number('margins.month_end_date') }}
    ) as by_month
        on
            ends.as_of_date = by_month.as_of_date
            and by_month.month_number between ends.month_number - 11 and ends.month_number
    group by ends.as_of_date, ends.month_number, by_month.population
{%- endmacro %}

{#- Numbered month ends that the hazard model learns from, by as-of date; `as_of_months` numbers the as-of dates. -#}
{% macro training_months(as_of_months) -%}
    select
        as_of_months.as_of_date,
        as_of_months.as_of_month_number,
        as_of_months.as_of_month_number - numbers.number as month_number
    from {{ as_of_months }} as as_of_months
    cross join {{ thousand_numbers() }} as numbers
    where numbers.number < {{ var('hazard')['training_months'] | int }}
{%- endmacro %}
