-- What each customer owes on the day: money for a bill settles that bill; any excess, and money on account, settles the
-- oldest open bill first. bill_settlements applies the same rule for all days at once.
with bills as (
    select
        days.action_date,
        bills.*
    from {{ ref('action_days') }} as days
    inner join {{ ref('bills_to_settle') }} as bills
        on days.action_date >= bills.invoice_date
),

entries as (
    select
        days.action_date,
        entries.*
    from {{ ref('action_days') }} as days
    inner join {{ ref('entries_to_settle') }} as entries
        on days.action_date >= entries.settled_date
),

named as (
    select
        action_date,
        invoice_id,
        sum(amount) as received
    from entries
    where invoice_id is not null
    group by action_date, invoice_id
),

received as (
    select
        bills.*,
        greatest(coalesce(named.received, 0) - bills.gross_amount, 0) as excess,
        greatest(bills.gross_amount - greatest(coalesce(named.received, 0), 0), 0) as open_by_name
    from bills
    left join named
        on
            bills.action_date = named.action_date
            and bills.invoice_id = named.invoice_id
),

-- Each customer's money on account, including the excess of overpaid bills.
money_left as (
    select action_date, customer_id, amount
    from entries
    where invoice_id is null

    union all

    select action_date, customer_id, excess as amount
    from received
    where excess > 0
),

accounts as (
    select
        action_date,
        customer_id,
        sum(amount) as amount
    from money_left
    group by action_date, customer_id
),

-- Most past bills were settled by money of their own: they add nothing to what is owed, and need no sorting.
in_order as (
    select
        received.*,
        coalesce(accounts.amount, 0) as account,
        sum(received.open_by_name) over (
            partition by received.action_date, received.customer_id order by received.bill_number
            rows between unbounded preceding and current row
        ) as open_by_name_to_date
    from received
    left join accounts
        on
            received.action_date = accounts.action_date
            and received.customer_id = accounts.customer_id
    where received.open_by_name > 0
),

open_bills as (
    select
        action_date,
        customer_id,
        due_date,
        least(open_by_name, open_by_name_to_date - greatest(account, 0)) as open_amount
    from in_order
    where
        is_judged
        and write_off_date > action_date
),

payment_dates as (
    select distinct paid_date
    from {{ ref('stg_payments') }}
),

-- Whether a bill is overdue is known once payments of its due date, or later ones, have arrived.
payments_known as (
    select
        days.action_date,
        max(payment_dates.paid_date) as payments_known_date
    from {{ ref('action_days') }} as days
    inner join payment_dates
        on days.action_date >= payment_dates.paid_date
    group by days.action_date
),

owed as (
    -- Exact to the cent: a rounding remainder is not a debt.
    select * from open_bills
    where open_amount >= 0.01
)

select
    owed.action_date,
    owed.customer_id,
    min(case when owed.due_date >= owed.action_date then owed.due_date end) as next_due_date,
    {{ money('sum(case when owed.due_date >= owed.action_date then owed.open_amount else 0 end)') }} as due_amount,
    min(
        case
            when owed.due_date < owed.action_date and owed.due_date <= payments_known.payments_known_date
                then owed.due_date
        end
    ) as overdue_since_date,
    {{ money('sum(case when owed.due_date < owed.action_date then owed.open_amount else 0 end)') }} as overdue_amount
from owed
left join payments_known
    on owed.action_date = payments_known.action_date
group by owed.action_date, owed.customer_id
