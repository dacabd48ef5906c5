{{ config(materialized='table') }}

-- The last state of each contract known on the day. Ended contracts are kept: they show which customers have returned.
with states as (
    select
        days.action_date,
        contracts.*,
        coalesce(contracts.valid_from_date, contracts.start_date) as known_from_date,
        coalesce(contracts.status, 'active') as known_status
    from {{ ref('action_days') }} as days
    inner join {{ ref('stg_contracts') }} as contracts
        on days.action_date >= coalesce(contracts.valid_from_date, contracts.start_date)
),

latest as (
    select
        *,
        row_number() over (partition by action_date, contract_id order by known_from_date desc) as recency
    from states
),

dated as (
    select
        action_date,
        contract_id,
        customer_id,
        product_family,
        product_code,
        start_date,
        known_status,
        case
            when end_date is null and known_status = 'ended' then known_from_date
            else end_date
        end as end_date,
        case
            when committed_until_date is not null then committed_until_date
            when term_months > 1
                then least({{ last_day_of_term('start_date', 'term_months') }}, {{ last_date() }})
        end as commitment_end_date,
        monthly_fee,
        coalesce(discount_amount, 0) as discount_amount,
        discount_until_date,
        data_cap_gb,
        coalesce(is_prepaid, false) as is_prepaid,
        reseller_customer_id
    from latest
    where recency = 1
)

select
    *,
    known_status not in ('pending', 'ended')
    and start_date <= action_date
    and coalesce(end_date > action_date, true) as is_open
from dated
