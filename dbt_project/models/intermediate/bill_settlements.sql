{{ config(materialized='table') }}

with bills as (
    select * from {{ ref('bills') }}
),

settled_payments as (
    select payment_id, customer_id, invoice_id, paid_date, amount
    from {{ ref('stg_payments') }}
    where status = 'settled'
),

-- Money that names its bill.
for_a_bill as (
    select
        bills.invoice_id,
        greatest(payments.paid_date, bills.invoice_date) as settled_date,
        payments.amount
    from settled_payments as payments
    inner join bills
        on payments.invoice_id = bills.invoice_id
),

-- Money on account pays the oldest bill first: both sides are laid end to end, and what overlaps is paid.
on_account as (
    select
        customer_id,
        paid_date,
        amount,
        sum(amount) over (
            partition by customer_id order by paid_date, payment_id
            rows between unbounded preceding and current row
        ) as paid_to_date
    from settled_payments
    where invoice_id is null
),

for_the_oldest_bill as (
    select
        bills.invoice_id,
        greatest(payments.paid_date, bills.invoice_date) as settled_date,
        least(payments.paid_to_date, bills.billed_to_date)
        - greatest(payments.paid_to_date - payments.amount, bills.billed_to_date - bills.gross_amount) as amount
    from on_account as payments
    inner join bills
        on
            payments.customer_id = bills.customer_id
            and payments.paid_to_date > bills.billed_to_date - bills.gross_amount
            and payments.paid_to_date - payments.amount < bills.billed_to_date
),

-- A credit note takes from the latest bill up to its day.
credits as (
    select
        invoice_id,
        customer_id,
        invoice_date,
        -(net_amount + tax_amount) as amount
    from {{ ref('stg_invoices') }}
    where kind = 'credit'
),

credit_targets as (
    select
        credits.invoice_id,
        max(credits.invoice_date) as settled_date,
        max(credits.amount) as amount,
        max(credits.customer_id) as customer_id,
        max(bills.bill_number) as bill_number
    from credits
    inner join bills
        on
            credits.customer_id = bills.customer_id
            and credits.invoice_date >= bills.invoice_date
    group by credits.invoice_id
),

for_the_credited_bill as (
    select
        bills.invoice_id,
        credit_targets.settled_date,
        credit_targets.amount
    from credit_targets
    inner join bills
        on
            credit_targets.customer_id = bills.customer_id
            and credit_targets.bill_number = bills.bill_number
),

days as (
    select
        invoice_id,
        settled_date,
        sum(amount) as amount
    from (
        select invoice_id, settled_date, amount from for_a_bill
        union all
        select invoice_id, settled_date, amount from for_the_oldest_bill
        union all
        select invoice_id, settled_date, amount from for_the_credited_bill
    ) as settlements
    group by invoice_id, settled_date
),

running as (
    select
        bills.invoice_id,
        bills.customer_id,
        bills.due_date,
        bills.gross_amount,
        days.settled_date,
        -- Overpaid money does not make a bill more than settled.
        least(bills.gross_amount, sum(days.amount) over settled_so_far) as settled_to_date,
        least(
            bills.gross_amount, coalesce(sum(days.amount) over settled_before, 0)
        ) as settled_before
    from days
    inner join bills
        on days.invoice_id = bills.invoice_id
    window
        settled_so_far as (
            partition by days.invoice_id order by days.settled_date
            rows between unbounded preceding and current row
        ),
        settled_before as (
            partition by days.invoice_id order by days.settled_date
            rows between unbounded preceding and 1 preceding
        )
)

select
    invoice_id,
    customer_id,
    settled_date,
    {{ money('settled_to_date') }} as settled_to_date,
    {{ money('settled_to_date - settled_before') }} as settled_amount,
    -- To the cent: what rounding leaves is not a debt.
    settled_to_date > gross_amount - 0.01 as is_settled
from running
