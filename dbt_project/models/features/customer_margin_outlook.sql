{{ config(materialized='view', database='workspace', persist_docs={'relation': true, 'columns': false}) }}

-- The expected margin as that month's features would have given it, except the population, which is the as-of date's.
with as_of_customers as (
    select as_of_date, customer_id, population
    from {{ ref('customer_features') }}
),

as_of_months as (
    select distinct
        as_of_date,
        {{ month_number('as_of_date') }} as as_of_month_number
    from as_of_customers
),

ends as (
    {{ training_months('as_of_months') }}
),

rates as (
    {{ write_off_rates('as_of_customers', 'ends') }}
)

select
    at_risk.as_of_date,
    at_risk.customer_id,
    at_risk.month_end_date,
    at_risk.month_number,
    cast({{ expected_margin(
        'at_risk.expected_revenue', 'coalesce(rates.write_off_rate, 0)', 'at_risk.expected_cost'
    ) }} as double) as expected_monthly_margin,
    coalesce(at_risk.monthly_fee * at_risk.discount_share, 0) as monthly_discount,
    coalesce(at_risk.suspended_share * at_risk.open_contracts, 0) as suspended_contracts
from {{ ref('customer_months_at_risk') }} as at_risk
left join rates
    on
        at_risk.as_of_date = rates.as_of_date
        and at_risk.month_number = rates.month_number
        and at_risk.retention_market = rates.population
