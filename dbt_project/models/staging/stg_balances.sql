select
    balances.customer_id,
    balances.date as balance_date,
    {{ in_reporting_currency('balances.balance_amount', 'balances.currency') }} as balance_amount,
    balances.blocking_date,
    balances.currency as source_currency,
    balances._load_id
from {{ source('raw', 'balances') }} as balances
left join {{ ref('stg_exchange_rates') }} as rates
    on
        balances.currency = rates.currency
        and balances.date = rates.day_date
