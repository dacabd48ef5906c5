{{ config(materialized='table') }}

-- The contract's state on the last day of the month; service_months has the days of earlier states.
select
    months.month_end_date,
    months.month_number,
    states.contract_id,
    states.customer_id,
    states.product_code,
    states.product_family,
    states.family_rank,
    states.service_start_date as start_date,
    states.status = 'suspended' as is_suspended,
    states.end_date is null or states.end_date > months.month_end_date as is_open,
    states.monthly_fee,
    case
        when states.discount_until_date is null or states.discount_until_date >= months.month_end_date
            then states.discount_amount
        else 0
    end as discount_in_force,
    states.discount_until_date,
    states.monthly_product_cost,
    states.term_months,
    case
        when states.committed_until_date > months.month_end_date
            then {{ months_between('months.month_end_date', 'states.committed_until_date') }}
        else 0
    end as commitment_months_left,
    coalesce(
        greatest({{ last_month_through('states.committed_until_date') }} - months.month_number + 1, 0), 0
    ) as committed_month_ends,
    case
        when states.committed_until_date <= months.month_end_date
            then {{ months_between('states.committed_until_date', 'months.month_end_date') }}
    end as months_since_commitment,
    states.access_technology,
    states.download_mbps,
    states.has_static_ip,
    states.address_id,
    states.sales_channel,
    states.reseller_customer_id,
    states.is_prepaid
from {{ ref('months') }} as months
inner join {{ ref('contract_states') }} as states
    on
        states.valid_from_date <= months.month_end_date
        and (states.valid_to_date is null or states.valid_to_date > months.month_end_date)
        and states.start_date <= months.month_end_date
        and (states.end_date is null or states.end_date > months.month_start_date)
where states.status <> 'pending'
