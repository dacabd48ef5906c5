-- All effects of a bill on the margin, on the day on which each became known, with the period it is for.
with bills as (
    select * from {{ ref('bills') }}
),

-- Never null: an outer join on plain comparisons is a hash join, one on a condition with "or" is not.
settlements as (
    select
        invoice_id,
        settled_date,
        coalesce(next_settled_date, {{ last_date() }}) as until_date,
        settled_to_date,
        settled_amount
    from {{ ref('bill_settlements') }}
),

-- The unpaid part of a bill on the day of its write-off, without tax.
write_offs as (
    select
        bills.invoice_id,
        bills.customer_id,
        bills.contract_id,
        bills.write_off_date as entry_date,
        bills.period_start,
        bills.period_end,
        {{ money(
            factor('bills.gross_amount - coalesce(settlements.settled_to_date, 0)')
            ~ ' * bills.net_amount / nullif(bills.gross_amount, 0)'
        ) }} as amount
    from bills
    left join settlements
        on
            bills.invoice_id = settlements.invoice_id
            and bills.write_off_date >= settlements.settled_date
            and bills.write_off_date < settlements.until_date
    where
        bills.is_judged
        and bills.gross_amount - coalesce(settlements.settled_to_date, 0) >= 0.01
),

-- Payments after the write-off are recovered; refunds after it are lost.
recoveries as (
    select
        bills.invoice_id,
        bills.customer_id,
        bills.contract_id,
        settlements.settled_date as entry_date,
        bills.period_start,
        bills.period_end,
        {{ money(
            factor('-settlements.settled_amount') ~ ' * bills.net_amount / nullif(bills.gross_amount, 0)'
        ) }} as amount
    from bills
    inner join settlements
        on
            bills.invoice_id = settlements.invoice_id
            and bills.write_off_date < settlements.settled_date
    where bills.is_judged
)

select
    invoice_id,
    customer_id,
    contract_id,
    'net_invoiced' as component,
    invoice_date as entry_date,
    period_start,
    period_end,
    net_amount as amount
from bills

union all

select
    invoice_id,
    customer_id,
    contract_id,
    'credited' as component,
    invoice_date as entry_date,
    period_start,
    period_end,
    net_amount as amount
from {{ ref('credit_notes') }}

union all

select
    invoice_id, customer_id, contract_id, 'written_off' as component, entry_date, period_start, period_end, amount
from write_offs

union all

select
    invoice_id, customer_id, contract_id, 'written_off' as component, entry_date, period_start, period_end, amount
from recoveries
