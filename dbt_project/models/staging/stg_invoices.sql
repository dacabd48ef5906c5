select
    invoices.invoice_id,
    invoices.customer_id,
    invoices.invoice_date,
    invoices.due_date,
    invoices.period_start,
    invoices.period_end,
    {{ in_reporting_currency('invoices.net_amount', 'invoices.currency') }} as net_amount,
    {{ in_reporting_currency('invoices.tax_amount', 'invoices.currency') }} as tax_amount,
    invoices.contract_id,
    invoices.kind,
    invoices.currency as source_currency,
    {{ exchange_rate_in('invoices.currency') }} as exchange_rate,
    invoices._load_id
from {{ source('raw', 'invoices') }} as invoices
left join {{ ref('stg_exchange_rates') }} as rates
    on
        invoices.currency = rates.currency
        and invoices.invoice_date = rates.day_date
