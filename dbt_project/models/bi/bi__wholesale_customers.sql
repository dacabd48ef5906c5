select
    customers.version_id,
    customers.as_of_date,
    customers.customer_id,
    customers.is_reseller,
    customers.market_reason,
    customers.lifecycle_stage,
    customers.is_open,
    customers.tenure_months,
    customers.wholesale_contracts,
    customers.own_lines,
    customers.downstream_customers,
    customers.downstream_customers_once,
    customers.downstream_lines,
    customers.downstream_fee,
    customers.downstream_margin,
    customers.monthly_fee,
    customers.expected_monthly_margin,
    customers.past_value,
    customers.future_value,
    customers.total_value,
    customers.gb_month_3m
from {{ ref('wholesale_customers') }} as customers
inner join {{ ref('published_versions') }} as versions
    on customers.version_id = versions.version_id
