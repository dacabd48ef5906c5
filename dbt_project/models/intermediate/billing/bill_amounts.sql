-- A bill is an invoice that asks for money; credit notes settle bills instead (credit_notes).
with prepaid as (
    select
        customer_id,
        min(case when is_prepaid then 1 else 0 end) = 1 as is_prepaid
    from {{ ref('stg_contracts') }}
    group by customer_id
),

-- Payments come from where they are taken: those of one system, or the top-ups alone, say nothing of all other bills.
payers as (
    select
        customers.customer_id,
        {{ source_system('customers.source_system') }} as source_system,
        coalesce(prepaid.is_prepaid, false) as is_prepaid
    from {{ ref('stg_customers') }} as customers
    left join prepaid
        on customers.customer_id = prepaid.customer_id
),

payments_begin as (
    select
        payers.source_system,
        payers.is_prepaid,
        min(payments.paid_date) as first_paid_date
    from {{ ref('stg_payments') }} as payments
    inner join payers
        on payments.customer_id = payers.customer_id
    group by payers.source_system, payers.is_prepaid
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
left join payers
    on invoices.customer_id = payers.customer_id
left join payments_begin
    on
        payers.source_system = payments_begin.source_system
        and payers.is_prepaid = payments_begin.is_prepaid
where not {{ is_credit_note('invoices.kind', 'invoices.net_amount') }}
