{{ config(materialized='table') }}

-- Most past bills were paid to the cent by money that names them, and add nothing to what is owed: they are found by
-- one sum for all days of the run, and only the others are evaluated per day.
with first_days as (
    select min(action_date) as first_date
    from {{ ref('action_days') }}
),

movements as (
    select
        invoice_id,
        1 as bills,
        gross_amount as amount,
        exchange_rate,
        invoice_date as known_date
    from {{ ref('bill_amounts') }}

    union all

    select
        invoice_id,
        0 as bills,
        case when status = 'refunded' then amount else -amount end as amount,
        exchange_rate,
        paid_date as known_date
    from {{ ref('stg_payments') }}
    where
        status in ('settled', 'refunded')
        and invoice_id is not null
),

balances as (
    select
        invoice_id,
        sum(bills) as bills,
        sum(amount) as amount,
        max(known_date) as last_known_date,
        -- Foreign currency is settled at the bill's rate.
        max(case when exchange_rate = 1 then 0 else 1 end) = 1 as is_converted
    from movements
    group by invoice_id
)

select balances.invoice_id
from balances
cross join first_days
where
    balances.amount <> 0
    or balances.bills = 0
    or balances.is_converted
    or balances.last_known_date > first_days.first_date

union

-- A credit note reduces the latest bill, paid or not.
select bills.invoice_id
from {{ ref('bill_amounts') }} as bills
where bills.customer_id in (select credits.customer_id from {{ ref('credit_notes') }} as credits)
