{{ config(materialized='table') }}

with states as (
    select
        contract_id,
        customer_id,
        end_date,
        coalesce(is_prepaid, false) as is_prepaid,
        coalesce(valid_from_date, start_date) as known_from_date,
        lead(coalesce(valid_from_date, start_date)) over (
            partition by contract_id order by coalesce(valid_from_date, start_date)
        ) as known_to_date
    from {{ ref('stg_contracts') }}
),

ever_prepaid as (
    select distinct customer_id
    from states
    where is_prepaid
),

-- The dates on which this may have changed.
cuts as (
    select distinct
        states.customer_id,
        states.known_from_date as from_date
    from states
    inner join ever_prepaid
        on states.customer_id = ever_prepaid.customer_id
),

prepaid_cuts as (
    select
        cuts.customer_id,
        cuts.from_date,
        min(case when states.is_prepaid then 1 else 0 end) = 1 as is_prepaid
    from cuts
    inner join states
        on
            cuts.customer_id = states.customer_id
            and cuts.from_date >= states.known_from_date
            and coalesce(cuts.from_date < states.known_to_date, true)
            and coalesce(cuts.from_date < states.end_date, true)
    group by cuts.customer_id, cuts.from_date
)

-- Dates without nulls, since engines join by hash on plain comparisons alone.
select
    customer_id,
    is_prepaid,
    -- The first known value also counts for the time before it.
    case
        when lag(from_date) over (partition by customer_id order by from_date) is null then {{ first_date() }}
        else from_date
    end as from_date,
    coalesce(
        lead(from_date) over (partition by customer_id order by from_date),
        {{ last_date() }}
    ) as to_date
from prepaid_cuts
