{{ config(materialized='table') }}

-- How much of each bill is settled is reckoned anew for each day, from what is known on it:
--     settled = least(gross, named + greatest(0, account + named before - billed before))
-- where `named` is money for the bill itself (never less than nothing, never more than the bill: the rest of it is on
-- account), `account` all money on account so far, and `before` sums over the customer's older bills. So money on
-- account pays the oldest bill first, and only what nothing else has paid.
with bills as (
    select * from {{ ref('bills') }}
),

entries as (
    select * from {{ ref('settlement_entries') }}
),

named_days as (
    select
        invoice_id,
        settled_date,
        sum(amount) as amount
    from entries
    where invoice_id is not null
    group by invoice_id, settled_date
),

named as (
    select
        bills.customer_id,
        bills.invoice_id,
        named_days.settled_date,
        bills.gross_amount,
        sum(named_days.amount) over (
            partition by named_days.invoice_id order by named_days.settled_date
            rows between unbounded preceding and current row
        ) as received_to_date
    from named_days
    inner join bills
        on named_days.invoice_id = bills.invoice_id
),

account_days as (
    select
        customer_id,
        settled_date,
        sum(amount) as amount
    from entries
    where invoice_id is null
    group by customer_id, settled_date
),

-- The rule needs every bill on every day of a customer only where both kinds of money meet. Money on account that
-- never goes back meets each bill once, in order; money for a bill that is never too much stays with it.
named_customers as (
    select
        customer_id,
        max(case when received_to_date > gross_amount then 1 else 0 end) = 1 as has_excess
    from named
    group by customer_id
),

account_customers as (
    select
        customer_id,
        min(amount) < 0 as has_refund
    from account_days
    group by customer_id
),

ways as (
    select
        customer_id,
        case
            when account_customers.customer_id is null and not named_customers.has_excess then 'named'
            when named_customers.customer_id is null and not account_customers.has_refund then 'account'
            else 'both'
        end as way
    from named_customers
    full outer join account_customers using (customer_id)
),

settled_by_name as (
    select
        named.invoice_id,
        named.settled_date,
        greatest(least(named.received_to_date, named.gross_amount), 0) as settled_to_date
    from named
    inner join ways
        on named.customer_id = ways.customer_id
    where ways.way = 'named'
),

-- Both sides are laid end to end, and what overlaps is paid.
account_to_date as (
    select
        account_days.customer_id,
        account_days.settled_date,
        ways.way,
        account_days.amount,
        sum(account_days.amount) over (
            partition by account_days.customer_id order by account_days.settled_date
            rows between unbounded preceding and current row
        ) as account_to_date
    from account_days
    inner join ways
        on account_days.customer_id = ways.customer_id
),

settled_by_account as (
    select
        bills.invoice_id,
        greatest(account.settled_date, bills.invoice_date) as settled_date,
        max(
            least(account.account_to_date - (bills.billed_to_date - bills.gross_amount), bills.gross_amount)
        ) as settled_to_date
    from account_to_date as account
    inner join bills
        on
            account.customer_id = bills.customer_id
            and account.account_to_date > bills.billed_to_date - bills.gross_amount
            and account.account_to_date - account.amount < bills.billed_to_date
    where account.way = 'account'
    group by bills.invoice_id, greatest(account.settled_date, bills.invoice_date)
),

both_bills as (
    select bills.*
    from bills
    inner join ways
        on bills.customer_id = ways.customer_id
    where ways.way = 'both'
),

both_days as (
    select customer_id, invoice_date as settled_date from both_bills
    union
    select customer_id, settled_date
    from account_to_date
    where way = 'both'
    union
    select named.customer_id, named.settled_date
    from named
    inner join ways
        on named.customer_id = ways.customer_id
    where ways.way = 'both'
),

account_on_days as (
    select
        days.customer_id,
        days.settled_date,
        sum(coalesce(account_days.amount, 0)) over (
            partition by days.customer_id order by days.settled_date
            rows between unbounded preceding and current row
        ) as account_to_date
    from both_days as days
    left join account_days
        on
            days.customer_id = account_days.customer_id
            and days.settled_date = account_days.settled_date
),

bills_on_days as (
    select
        bills.customer_id,
        bills.invoice_id,
        bills.bill_number,
        bills.gross_amount,
        bills.billed_to_date,
        days.settled_date,
        days.account_to_date,
        sum(coalesce(named_days.amount, 0)) over (
            partition by bills.invoice_id order by days.settled_date
            rows between unbounded preceding and current row
        ) as received_to_date
    from both_bills as bills
    inner join account_on_days as days
        on
            bills.customer_id = days.customer_id
            and bills.invoice_date <= days.settled_date
    left join named_days
        on
            bills.invoice_id = named_days.invoice_id
            and days.settled_date = named_days.settled_date
),

shares_on_days as (
    select
        *,
        greatest(least(received_to_date, gross_amount), 0) as named_to_date,
        greatest(received_to_date - gross_amount, 0) as excess_to_date
    from bills_on_days
),

account_shares as (
    select
        invoice_id,
        settled_date,
        gross_amount,
        named_to_date,
        account_to_date + sum(excess_to_date) over (partition by customer_id, settled_date) as account_to_date,
        sum(named_to_date) over older_bills_and_this - named_to_date as named_before,
        billed_to_date - gross_amount as billed_before
    from shares_on_days
    window older_bills_and_this as (
        partition by customer_id, settled_date order by bill_number
        rows between unbounded preceding and current row
    )
),

settled_by_both as (
    select
        invoice_id,
        settled_date,
        least(gross_amount, named_to_date + greatest(account_to_date + named_before - billed_before, 0))
            as settled_to_date
    from account_shares
),

settled as (
    select invoice_id, settled_date, settled_to_date from settled_by_name
    union all
    select invoice_id, settled_date, settled_to_date from settled_by_account
    union all
    select invoice_id, settled_date, settled_to_date from settled_by_both
),

changes as (
    select
        invoice_id,
        settled_date,
        settled_to_date,
        settled_to_date - lag(settled_to_date, 1, 0) over (
            partition by invoice_id order by settled_date
        ) as settled_amount
    from settled
)

select
    bills.invoice_id,
    bills.customer_id,
    changes.settled_date,
    {{ money('changes.settled_to_date') }} as settled_to_date,
    {{ money('changes.settled_amount') }} as settled_amount,
    -- To the cent: what rounding leaves is not a debt.
    changes.settled_to_date > bills.gross_amount - 0.01 as is_settled
from changes
inner join bills
    on changes.invoice_id = bills.invoice_id
where changes.settled_amount <> 0
