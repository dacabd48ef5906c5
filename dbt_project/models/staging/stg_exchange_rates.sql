{{ config(materialized='table') }}

-- A rate holds until the next one of its currency, or until it is too old; one row for each day on which it holds.
with rates as (
    select
        currency,
        rate_date,
        rate,
        lead(rate_date) over (partition by currency order by rate_date) as next_rate_date
    from {{ source('raw', 'exchange_rates') }}
)

select
    rates.currency,
    {{ add_days('rates.rate_date', 'ages.number') }} as day_date,
    rates.rate_date,
    rates.rate
from rates
inner join {{ thousand_numbers() }} as ages
    on ages.number <= {{ var('exchange_rate_max_age_days') }}
where rates.next_rate_date is null or {{ add_days('rates.rate_date', 'ages.number') }} < rates.next_rate_date
