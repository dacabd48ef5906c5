{{ config(materialized='table') }}

{#- The cost per customer is days x (bills / this + this) and not days x bills. -#}
{%- set bills_in_a_block = 500 %}

-- How much of each bill is settled is computed for each day from what is known on that day:
--     settled = least(gross, named + greatest(0, account - unpaid before))
-- where `named` is money for the bill itself (between zero and the amount of the bill; any excess is on account),
-- `account` is all money on account so far, and `unpaid before` is what money by name left unpaid of the customer's
-- older bills. So money on account pays the oldest bill first, and only what is not yet paid by name.
with bills as (
    select * from {{ ref('bills') }}
),

entries as (
    select * from {{ ref('settlement_entries') }}
),

named_bills as (
    select
        invoice_id,
        min(settled_date) as first_settled_date,
        min(settled_date) < max(settled_date) as has_several_days,
        {{ money('sum(amount)') }} as amount
    from entries
    where invoice_id is not null
    group by invoice_id
),

-- Nearly every bill is paid on one day; only the others are summed by day.
several_days as (
    select
        entries.invoice_id,
        entries.settled_date,
        sum(entries.amount) as amount
    from entries
    inner join named_bills
        on entries.invoice_id = named_bills.invoice_id
    where named_bills.has_several_days
    group by entries.invoice_id, entries.settled_date
),

received as (
    select
        invoice_id,
        first_settled_date as settled_date,
        cast(null as date) as next_settled_date,
        has_several_days,
        amount as received_to_date
    from named_bills
    where not has_several_days

    union all

    select
        invoice_id,
        settled_date,
        lead(settled_date) over (partition by invoice_id order by settled_date) as next_settled_date,
        true as has_several_days,
        {{ money(
            'sum(amount) over (partition by invoice_id order by settled_date'
            ~ ' rows between unbounded preceding and current row)'
        ) }} as received_to_date
    from several_days
),

named as (
    select
        bills.invoice_id,
        bills.customer_id,
        bills.bill_number,
        bills.gross_amount,
        received.settled_date,
        received.next_settled_date,
        received.has_several_days,
        greatest(least(received.received_to_date, bills.gross_amount), 0) as named_to_date,
        greatest(received.received_to_date - bills.gross_amount, 0) as excess_to_date
    from received
    inner join bills
        on received.invoice_id = bills.invoice_id
),

overpaid_bills as (
    select distinct invoice_id
    from named
    where excess_to_date > 0
),

on_account as (
    select
        named.customer_id,
        named.settled_date,
        named.excess_to_date - lag(named.excess_to_date, 1, 0) over (
            partition by named.invoice_id order by named.settled_date
        ) as amount
    from named
    inner join overpaid_bills
        on named.invoice_id = overpaid_bills.invoice_id

    union all

    select
        customer_id,
        settled_date,
        amount
    from entries
    where invoice_id is null
),

account_days as (
    select
        customer_id,
        settled_date,
        {{ money('sum(amount)') }} as amount
    from on_account
    group by customer_id, settled_date
),

-- All bills must be computed for all days only if both kinds of money meet, or if money on account is paid back.
-- Otherwise money on account reaches each bill once, in order, and money for a bill stays with it.
named_customers as (
    select distinct customer_id
    from named
),

account_customers as (
    select
        account_days.customer_id,
        case
            when min(account_days.amount) < 0 or max(named_customers.customer_id) is not null then 'both'
            else 'account'
        end as way
    from account_days
    left join named_customers
        on account_days.customer_id = named_customers.customer_id
    group by account_days.customer_id
),

-- Bills and money on account are laid end to end; where they overlap, the bill is paid.
account_to_date as (
    select
        account_days.customer_id,
        account_days.settled_date,
        account_days.amount,
        {{ money(
            'sum(account_days.amount) over (partition by account_days.customer_id order by account_days.settled_date'
            ~ ' rows between unbounded preceding and current row)'
        ) }} as account_to_date
    from account_days
    inner join account_customers
        on account_days.customer_id = account_customers.customer_id
    where account_customers.way = 'account'
),

settled_by_account as (
    select
        bills.invoice_id,
        bills.customer_id,
        bills.gross_amount,
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
    group by
        bills.invoice_id,
        bills.customer_id,
        bills.gross_amount,
        greatest(account.settled_date, bills.invoice_date)
),

-- What each bill has received by name, and in which period: nothing at first.
both_bills as (
    select
        bills.invoice_id,
        bills.customer_id,
        bills.bill_number,
        floor((bills.bill_number - 1) / {{ bills_in_a_block }}) as block_number,
        bills.gross_amount,
        bills.invoice_date as settled_date,
        named_bills.first_settled_date as next_settled_date,
        {{ money(0) }} as named_to_date
    from bills
    inner join account_customers
        on bills.customer_id = account_customers.customer_id
    left join named_bills
        on bills.invoice_id = named_bills.invoice_id
    where
        account_customers.way = 'both'
        and (named_bills.invoice_id is null or named_bills.first_settled_date > bills.invoice_date)

    union all

    select
        named.invoice_id,
        named.customer_id,
        named.bill_number,
        floor((named.bill_number - 1) / {{ bills_in_a_block }}) as block_number,
        named.gross_amount,
        named.settled_date,
        named.next_settled_date,
        named.named_to_date
    from named
    inner join account_customers
        on named.customer_id = account_customers.customer_id
    where account_customers.way = 'both'
),

both_days as (
    select customer_id, settled_date from both_bills
    union
    select account_days.customer_id, account_days.settled_date
    from account_days
    inner join account_customers
        on account_days.customer_id = account_customers.customer_id
    where account_customers.way = 'both'
),

account_on_days as (
    select
        days.customer_id,
        days.settled_date,
        {{ money(
            'sum(coalesce(account_days.amount, 0)) over (partition by days.customer_id order by days.settled_date'
            ~ ' rows between unbounded preceding and current row)'
        ) }} as account_to_date
    from both_days as days
    left join account_days
        on
            days.customer_id = account_days.customer_id
            and days.settled_date = account_days.settled_date
),

-- Money on account reaches the end of one block of bills at a time: bills of the blocks before are paid, those of the
-- blocks after have what was paid by name. So only in the block between, and where a block changes sides, is each bill
-- computed: for a customer with 200,000 bills, each bill on each day would be a hundred million rows. Most customers
-- have one block, and no need of this.
large_customers as (
    select distinct customer_id
    from both_bills
    where block_number > 0
),

unpaid_changes as (
    select
        both_bills.customer_id,
        both_bills.block_number,
        both_bills.settled_date,
        both_bills.gross_amount - both_bills.named_to_date
        - lag(both_bills.gross_amount - both_bills.named_to_date, 1, 0) over (
            partition by both_bills.invoice_id order by both_bills.settled_date
        ) as unpaid
    from both_bills
    inner join large_customers
        on both_bills.customer_id = large_customers.customer_id
),

block_changes as (
    select
        customer_id,
        block_number,
        settled_date,
        sum(unpaid) as unpaid
    from unpaid_changes
    group by customer_id, block_number, settled_date
),

blocks as (
    select
        customer_id,
        block_number,
        min(settled_date) as first_date
    from block_changes
    group by customer_id, block_number
),

blocks_on_days as (
    select
        days.customer_id,
        days.settled_date,
        days.account_to_date,
        blocks.block_number,
        sum(coalesce(block_changes.unpaid, 0)) over (
            partition by days.customer_id, blocks.block_number order by days.settled_date
            rows between unbounded preceding and current row
        ) as unpaid
    from account_on_days as days
    inner join blocks
        on
            days.customer_id = blocks.customer_id
            and days.settled_date >= blocks.first_date
    left join block_changes
        on
            blocks.customer_id = block_changes.customer_id
            and blocks.block_number = block_changes.block_number
            and days.settled_date = block_changes.settled_date
),

blocks_in_order as (
    select
        *,
        coalesce(sum(unpaid) over (
            partition by customer_id, settled_date order by block_number
            rows between unbounded preceding and 1 preceding
        ), 0) as unpaid_before
    from blocks_on_days
),

placed_blocks as (
    select
        *,
        case
            when account_to_date >= unpaid_before + unpaid then 'paid'
            when account_to_date <= unpaid_before then 'open'
            else 'between'
        end as place
    from blocks_in_order
),

moving_blocks as (
    select
        *,
        place = 'between'
        or place <> lag(place, 1, 'open') over (
            partition by customer_id, block_number order by settled_date
        ) as is_moving
    from placed_blocks
),

days_to_compute as (
    select
        days.customer_id,
        days.settled_date,
        0 as block_number,
        days.account_to_date as account_left
    from account_on_days as days
    left join large_customers
        on days.customer_id = large_customers.customer_id
    where large_customers.customer_id is null

    union all

    select
        customer_id,
        settled_date,
        block_number,
        account_to_date - unpaid_before as account_left
    from moving_blocks
    where is_moving
),

-- A bill paid in full by name has nothing left to be paid from the account.
unpaid_on_days as (
    select
        bills.invoice_id,
        bills.customer_id,
        bills.gross_amount,
        bills.named_to_date,
        days.settled_date,
        days.account_left,
        sum(bills.gross_amount - bills.named_to_date) over (
            partition by bills.customer_id, days.settled_date, days.block_number order by bills.bill_number
            rows between unbounded preceding and 1 preceding
        ) as unpaid_before
    from both_bills as bills
    inner join days_to_compute as days
        on
            bills.customer_id = days.customer_id
            and bills.block_number = days.block_number
            and bills.settled_date <= days.settled_date
            and coalesce(days.settled_date < bills.next_settled_date, true)
    where bills.named_to_date <> bills.gross_amount
),

settled_by_both as (
    select invoice_id, customer_id, gross_amount, settled_date, gross_amount as settled_to_date
    from both_bills
    where named_to_date = gross_amount

    union all

    select
        bills.invoice_id,
        bills.customer_id,
        bills.gross_amount,
        bills.settled_date,
        case when days.place = 'paid' then bills.gross_amount else bills.named_to_date end as settled_to_date
    from both_bills as bills
    inner join moving_blocks as days
        on
            bills.customer_id = days.customer_id
            and bills.block_number = days.block_number
            and bills.settled_date = days.settled_date
    where
        not days.is_moving
        and bills.named_to_date <> bills.gross_amount

    union all

    select
        invoice_id,
        customer_id,
        gross_amount,
        settled_date,
        {{ money('least(gross_amount, named_to_date + greatest(account_left - coalesce(unpaid_before, 0), 0))') }}
            as settled_to_date
    from unpaid_on_days
),

settled_by_name as (
    select
        named.invoice_id,
        named.customer_id,
        named.gross_amount,
        named.settled_date,
        named.named_to_date as settled_to_date,
        named.has_several_days
    from named
    left join account_customers
        on named.customer_id = account_customers.customer_id
    where account_customers.customer_id is null
),

settled as (
    select invoice_id, customer_id, gross_amount, settled_date, settled_to_date
    from settled_by_name
    where has_several_days
    union all
    select invoice_id, customer_id, gross_amount, settled_date, settled_to_date from settled_by_account
    union all
    select invoice_id, customer_id, gross_amount, settled_date, settled_to_date from settled_by_both
),

amounts as (
    select
        *,
        settled_to_date - lag(settled_to_date, 1, 0) over (
            partition by invoice_id order by settled_date
        ) as settled_amount
    from settled
),

changes as (
    select
        *,
        lead(settled_date) over (partition by invoice_id order by settled_date) as next_settled_date
    from amounts
    where settled_amount <> 0

    union all

    select
        invoice_id,
        customer_id,
        gross_amount,
        settled_date,
        settled_to_date,
        settled_to_date as settled_amount,
        cast(null as date) as next_settled_date
    from settled_by_name
    where not has_several_days and settled_to_date <> 0
)

select
    invoice_id,
    customer_id,
    settled_date,
    next_settled_date,
    {{ money('settled_to_date') }} as settled_to_date,
    {{ money('settled_amount') }} as settled_amount,
    -- Exact to the cent: a rounding remainder is not a debt.
    settled_to_date > gross_amount - 0.01 as is_settled
from changes
