select payments.*
from {{ ref('stg_payments') }} as payments
where
    payments.invoice_id is null
    or payments.invoice_id in (select to_settle.invoice_id from {{ ref('invoices_to_settle') }} as to_settle)
