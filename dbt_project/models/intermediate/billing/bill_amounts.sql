-- A bill is an invoice that asks for money; credit notes settle bills instead (credit_notes).
with payments_begin as (
    select min(paid_date) as first_paid_date
    from {{ ref('stg_payments') }}
)

select
    invoices.invoice_id,
    invoices.customer_id,
    invoices.contract_id,
    invoices.invoice_date,
    invoices.due_date,
    invoices.period_start,
    invoices.period_end,
    coalesce(invoices.kind, 'recurring') as kind,
    invoices.net_amount,
    invoices.net_amount + invoices.tax_amount as gross_amount,
    invoices.source_currency,
    invoices.exchange_rate,
    -- Where no payments were recorded yet, a bill without one is not unpaid.
    coalesce(invoices.due_date >= payments_begin.first_paid_date, false) as is_judged,
    {{ add_days('invoices.due_date', var('costs')['write_off_after_days']) }} as write_off_date
from {{ ref('stg_invoices') }} as invoices
cross join payments_begin
where not {{ is_credit_note('invoices.kind', 'invoices.net_amount') }}
