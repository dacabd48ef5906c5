{{ config(materialized='table') }}

{#- No feature comes from here: what is protected stays out of every model (settings, privacy). -#}
with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

consumers as (
    select
        customers.customer_id,
        run_months.as_of_date,
        customers.region,
        customers.country,
        customers.household_type,
        extract(year from run_months.as_of_date) - customers.birth_year as age_years
    from {{ ref('known_customers') }} as customers
    inner join run_months
        on customers.known_since_date <= run_months.as_of_date
    where customers.customer_type = 'person'
)

select
    customer_id,
    as_of_date,
    region,
    country,
    household_type,
    -- Of the year alone: the age reached within it.
    {{ age_band('age_years') }} as age_band
from consumers
