-- Money in and out, positive when it settles. An entry without a bill is money on the customer's account.
with bills as (
    select * from {{ ref('bills') }}
),

payments as (
    select
        payments.payment_id,
        payments.customer_id,
        payments.invoice_id,
        payments.paid_date,
        payments.source_currency,
        payments.exchange_rate,
        case when payments.status = 'refunded' then -payments.amount else payments.amount end as amount
    from {{ ref('stg_payments') }} as payments
    where payments.status in ('settled', 'refunded')
),

for_a_bill as (
    select
        bills.customer_id,
        bills.invoice_id,
        greatest(payments.paid_date, bills.invoice_date) as settled_date,
        -- At the rate of the bill: a bill paid in full is settled in full, whatever the currency did meanwhile.
        case
            when payments.source_currency = bills.source_currency
                then {{ money('payments.amount * bills.exchange_rate / payments.exchange_rate') }}
            else payments.amount
        end as amount
    from payments
    inner join bills
        on payments.invoice_id = bills.invoice_id
),

on_account as (
    select
        customer_id,
        cast(null as varchar) as invoice_id,
        paid_date as settled_date,
        amount
    from payments
    where invoice_id is null
),

-- The credit was money on account, or is now: either way that account is what pays it out.
paid_out_credits as (
    select
        payments.customer_id,
        cast(null as varchar) as invoice_id,
        greatest(payments.paid_date, credits.invoice_date) as settled_date,
        payments.amount
    from payments
    inner join {{ ref('credit_notes') }} as credits
        on payments.invoice_id = credits.invoice_id
),

-- A credit note takes from the latest bill up to its day; without one it is money on account.
credit_targets as (
    select
        credits.invoice_id as credit_note_id,
        credits.customer_id,
        credits.invoice_date,
        credits.gross_amount,
        max(bills.bill_number) as bill_number
    from {{ ref('credit_notes') }} as credits
    left join bills
        on
            credits.customer_id = bills.customer_id
            and credits.invoice_date >= bills.invoice_date
    group by credits.invoice_id, credits.customer_id, credits.invoice_date, credits.gross_amount
),

credits as (
    select
        credit_targets.customer_id,
        bills.invoice_id,
        credit_targets.invoice_date as settled_date,
        credit_targets.gross_amount as amount
    from credit_targets
    left join bills
        on
            credit_targets.customer_id = bills.customer_id
            and credit_targets.bill_number = bills.bill_number
)

select customer_id, invoice_id, settled_date, amount from for_a_bill
union all
select customer_id, invoice_id, settled_date, amount from on_account
union all
select customer_id, invoice_id, settled_date, amount from paid_out_credits
union all
select customer_id, invoice_id, settled_date, amount from credits
