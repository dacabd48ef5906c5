select
    invoice_id,
    customer_id,
    invoice_date,
    due_date,
    period_start,
    period_end,
    net_amount,
    tax_amount,
    currency,
    contract_id,
    kind,
    _load_id
from {{ source('raw', 'invoices') }}
