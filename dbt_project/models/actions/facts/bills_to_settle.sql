{{ config(materialized='table') }}

select
    bills.invoice_id,
    bills.customer_id,
    bills.invoice_date,
    bills.due_date,
    bills.gross_amount,
    bills.source_currency,
    bills.exchange_rate,
    bills.is_judged,
    bills.write_off_date,
    row_number() over (partition by bills.customer_id order by bills.invoice_date, bills.invoice_id) as bill_number
from {{ ref('bill_amounts') }} as bills
where bills.invoice_id in (select to_settle.invoice_id from {{ ref('invoices_to_settle') }} as to_settle)
