select
    payment_id,
    customer_id,
    paid_date,
    amount,
    status,
    invoice_id,
    method,
    _load_id
from {{ source('raw', 'payments') }}
