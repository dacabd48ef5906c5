with months as (
    select month_end_date, month_start_date
    from {{ ref('months') }}
    where is_in_books
),

bills as (
    select * from {{ ref('bills') }}
),

settlements as (
    select * from {{ ref('bill_settlements') }}
),

-- What a bill still lacked on the day it was written off, without tax.
write_offs as (
    select
        bills.customer_id,
        bills.write_off_date as entry_date,
        {{ money(
            '(bills.gross_amount - coalesce(sum(settlements.settled_amount), 0))'
            ~ ' * bills.net_amount / nullif(bills.gross_amount, 0)'
        ) }} as amount
    from bills
    left join settlements
        on
            bills.invoice_id = settlements.invoice_id
            and bills.write_off_date >= settlements.settled_date
    where bills.is_judged
    group by bills.invoice_id, bills.customer_id, bills.write_off_date, bills.gross_amount, bills.net_amount
    having bills.gross_amount - coalesce(sum(settlements.settled_amount), 0) >= 0.01
),

-- What settles a bill after that is recovered; what goes back after that is lost.
recoveries as (
    select
        bills.customer_id,
        settlements.settled_date as entry_date,
        {{ money('-settlements.settled_amount * bills.net_amount / nullif(bills.gross_amount, 0)') }} as amount
    from bills
    inner join settlements
        on
            bills.invoice_id = settlements.invoice_id
            and bills.write_off_date < settlements.settled_date
    where bills.is_judged
),

dated as (
    select customer_id, invoice_date as entry_date, 'net_invoiced' as component, net_amount as amount from bills
    union all
    select customer_id, invoice_date as entry_date, 'credited' as component, net_amount as amount
    from {{ ref('credit_notes') }}
    union all
    select customer_id, entry_date, 'written_off' as component, amount from write_offs
    union all
    select customer_id, entry_date, 'written_off' as component, amount from recoveries
    union all
    select
        customer_id,
        cast(occurred_at as date) as entry_date,
        'care_cost' as component,
        cast({{ var('costs')['per_contact'] }} as decimal(18, 4)) as amount
    from {{ ref('stg_interactions') }}
    union all
    select
        customer_id,
        paid_date as entry_date,
        'payment_cost' as component,
        cast({{ var('costs')['per_payment_failure'] }} as decimal(18, 4)) as amount
    from {{ ref('stg_payments') }}
    where status = 'failed'
),

usage_costs as (
    select
        states.customer_id,
        usage_months.month_end_date,
        {{ money('(usage_months.bytes_down + usage_months.bytes_up) / 1e9 * ' ~ var('costs')['per_gb']) }} as amount
    from {{ ref('usage_months') }} as usage_months
    inner join months
        on usage_months.month_end_date = months.month_end_date
    inner join {{ ref('contract_states') }} as states
        on
            usage_months.contract_id = states.contract_id
            and usage_months.month_end_date >= states.valid_from_date
            and (states.valid_to_date is null or usage_months.month_end_date < states.valid_to_date)
    where usage_months.usage_days > 0
)

select
    dated.customer_id,
    months.month_end_date,
    dated.component,
    {{ money('sum(dated.amount)') }} as amount
from dated
inner join months
    on {{ month_end('dated.entry_date') }} = months.month_end_date
group by dated.customer_id, months.month_end_date, dated.component

union all

select customer_id, month_end_date, 'usage_cost' as component, {{ money('sum(amount)') }} as amount
from usage_costs
group by customer_id, month_end_date

union all

select
    customer_id,
    month_end_date,
    'product_cost' as component,
    {{ money('sum(product_cost)') }} as amount
from {{ ref('service_months') }}
group by customer_id, month_end_date
