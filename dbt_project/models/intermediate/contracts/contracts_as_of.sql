{{ config(materialized='table') }}

-- The last known state of each service, and its start and end as known then. A service that, as is now known, ended on
-- or before its first day does not count.
with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

known as (
    select
        run_months.as_of_date,
        states.*,
        case
            when states.served_until_date <= run_months.as_of_date
                then least(states.served_until_date, states.end_date)
            else states.end_date
        end as known_end_date
    from run_months
    inner join {{ ref('contract_states') }} as states
        on
            states.valid_from_date <= run_months.as_of_date
            and (
                states.next_state_of_service_date is null
                or states.next_state_of_service_date > run_months.as_of_date
            )
            and states.service_start_date <= run_months.as_of_date
)

select
    as_of_date,
    contract_id,
    service_number,
    customer_id,
    product_family,
    family_rank,
    status,
    service_start_date as start_date,
    known_end_date as end_date,
    -- An end found in the first state may have been added to it later, so it is not a notice. Neither is the day until
    -- which a prepaid line is valid, since the next top-up puts it off.
    case
        when known_end_date > as_of_date and end_told_date > start_date and not coalesce(is_prepaid, false)
            then known_end_date
    end as notice_end_date,
    end_reason,
    monthly_fee,
    discount_amount,
    discount_until_date,
    monthly_product_cost,
    address_id,
    building_id,
    has_unit,
    reseller_customer_id,
    is_prepaid
from known
where known_end_date is null or known_end_date > service_start_date
