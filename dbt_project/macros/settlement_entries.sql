{#-
    Money in and out, positive if it settles bills. An entry without a bill is money on the customer's account.
    The monthly models use all bills, the daily ones those that may still be open; the rules of settlement are the same.
-#}
{% macro settlement_entries_of(bills, payments, credit_notes) -%}
with bills as (
    select * from {{ bills }}
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
    from {{ payments }} as payments
    where payments.status in ('settled', 'refunded')
),

named as (
    select
        payments.*,
        bills.invoice_id as bill_id,
        bills.customer_id as billed_customer_id,
        bills.invoice_date,
        -- At the bill's rate: a bill paid in full is settled in full, however the currency has moved since.
        case
            when payments.source_currency = bills.source_currency
                then {{ money(factor('payments.amount') ~ ' * bills.exchange_rate / payments.exchange_rate') }}
            else payments.amount
        end as amount_for_bill
    from payments
    left join bills
        on payments.invoice_id = bills.invoice_id
),

for_a_bill as (
    select
        billed_customer_id as customer_id,
        bill_id as invoice_id,
        greatest(paid_date, invoice_date) as settled_date,
        amount_for_bill as amount
    from named
    where bill_id is not null
),

-- Money that names no existing bill: none at all, an unknown one, or a credit note. A credit note was money on account
-- or becomes that now, so it is paid out of the account. No money is lost.
on_account as (
    select
        customer_id,
        cast(null as varchar) as invoice_id,
        paid_date as settled_date,
        amount
    from named
    where bill_id is null
),

-- Money for a future bill stays on account until the day of the bill, which nobody knew of before.
before_the_bill as (
    select customer_id, cast(null as varchar) as invoice_id, paid_date as settled_date, amount
    from named
    where paid_date < invoice_date

    union all

    select customer_id, cast(null as varchar) as invoice_id, invoice_date as settled_date, -amount as amount
    from named
    where paid_date < invoice_date
),

-- A credit note reduces the latest bill up to its day; if there is none, it is money on account. Bills and credit notes
-- are read once, in order: a customer with many of both costs no more than many customers.
credited_customers as (
    select distinct customer_id
    from {{ credit_notes }}
),

in_order as (
    select
        bills.customer_id,
        bills.invoice_date,
        bills.bill_number,
        cast(null as varchar) as credit_note_id,
        {{ money('null') }} as gross_amount
    from bills
    inner join credited_customers
        on bills.customer_id = credited_customers.customer_id

    union all

    select
        customer_id,
        invoice_date,
        cast(null as bigint) as bill_number,
        invoice_id as credit_note_id,
        gross_amount
    from {{ credit_notes }}
),

credit_targets as (
    select
        customer_id,
        invoice_date,
        credit_note_id,
        gross_amount,
        max(bill_number) over (
            partition by customer_id order by invoice_date
            range between unbounded preceding and current row
        ) as bill_number
    from in_order
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
    where credit_targets.credit_note_id is not null
)

select customer_id, invoice_id, settled_date, amount from for_a_bill
union all
select customer_id, invoice_id, settled_date, amount from on_account
union all
select customer_id, invoice_id, settled_date, amount from before_the_bill
union all
select customer_id, invoice_id, settled_date, amount from credits
{%- endmacro %}
