-- A bill is an invoice that asks for money; credit notes settle bills instead (credit_notes).
-- Payments of one system, or top-ups only, say nothing about other bills. So a bill is judged by the payments of its
-- source system made by customers who were, like its own customer at the time, prepaid or not, as known when it is due.
with systems as (
    select
        customer_id,
        {{ source_system('source_system') }} as source_system
    from {{ ref('stg_customers') }}
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
    {{ money('invoices.net_amount + invoices.tax_amount') }} as gross_amount,
    invoices.source_currency,
    invoices.exchange_rate,
    -- A bill without a payment is not unpaid if no payments were recorded yet.
    coalesce(invoices.due_date >= payments.first_paid_date, false) as is_judged,
    {{ add_days('invoices.due_date', var('costs')['write_off_after_days']) }} as write_off_date
from {{ ref('stg_invoices') }} as invoices
left join systems
    on invoices.customer_id = systems.customer_id
left join {{ ref('prepaid_times') }} as times
    on
        invoices.customer_id = times.customer_id
        and invoices.invoice_date >= times.from_date
        and invoices.invoice_date < times.to_date
left join {{ ref('payments_begin') }} as payments
    on
        systems.source_system = payments.source_system
        and coalesce(times.is_prepaid and times.known_from_date <= invoices.due_date, false) = payments.is_prepaid
where not {{ is_credit_note('invoices.kind', 'invoices.net_amount') }}
