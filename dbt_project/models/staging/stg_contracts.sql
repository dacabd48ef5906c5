select
    contracts.contract_id,
    contracts.valid_from_date,
    contracts.customer_id,
    contracts.product_code,
    contracts.product_family,
    contracts.start_date,
    {{ in_reporting_currency('contracts.monthly_fee', 'contracts.currency') }} as monthly_fee,
    contracts.end_date,
    contracts.end_reason,
    contracts.status,
    contracts.committed_until_date,
    contracts.term_months,
    {{ in_reporting_currency('contracts.discount_amount', 'contracts.currency') }} as discount_amount,
    contracts.discount_until_date,
    contracts.plan_name,
    contracts.service_address_id,
    contracts.service_address,
    contracts.postal_code,
    contracts.access_technology,
    contracts.download_mbps,
    contracts.upload_mbps,
    contracts.data_cap_gb,
    contracts.has_static_ip,
    contracts.is_prepaid,
    contracts.sales_channel,
    contracts.reseller_customer_id,
    {{ in_reporting_currency('contracts.monthly_cost', 'contracts.currency') }} as monthly_cost,
    contracts.currency as source_currency,
    contracts._load_id
from {{ source('raw', 'contracts') }} as contracts
left join {{ ref('stg_exchange_rates') }} as rates
    on
        contracts.currency = rates.currency
        and contracts.valid_from_date = rates.day_date
