with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
)

select
    run_months.as_of_date,
    states.contract_id,
    states.customer_id,
    states.product_family,
    states.family_rank,
    states.status,
    states.start_date,
    states.end_date,
    states.end_reason,
    states.monthly_fee,
    states.discount_amount,
    states.discount_until_date,
    states.monthly_product_cost,
    states.address_id,
    states.building_id,
    states.has_unit,
    states.reseller_customer_id
from run_months
inner join {{ ref('contract_states') }} as states
    on
        states.valid_from_date <= run_months.as_of_date
        and (states.valid_to_date is null or states.valid_to_date > run_months.as_of_date)
where states.status <> 'pending'
