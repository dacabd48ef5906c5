select
    payments.payment_id,
    payments.customer_id,
    payments.paid_date,
    {{ in_reporting_currency('payments.amount', 'payments.currency') }} as amount,
    payments.status,
    payments.invoice_id,
    payments.method,
    payments.currency as source_currency,
    {{ exchange_rate_in('payments.currency') }} as exchange_rate,
    payments._load_id
from {{ source('raw', 'payments') }} as payments
left join {{ ref('stg_exchange_rates') }} as rates
    on
        payments.currency = rates.currency
        and payments.paid_date = rates.day_date
