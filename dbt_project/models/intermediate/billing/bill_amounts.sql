-- A bill is an invoice that asks for money; credit notes settle bills instead (credit_notes).
-- Payments of one system, or top-ups only, say nothing about other bills. So a bill is judged by the payments of its
-- source system made by customers who were, like its own customer at the time, prepaid or not.
with states as (
    select
        contract_id,
        customer_id,
        end_date,
        coalesce(is_prepaid, false) as is_prepaid,
        coalesce(valid_from_date, start_date) as known_from_date,
        lead(coalesce(valid_from_date, start_date)) over (
            partition by contract_id order by coalesce(valid_from_date, start_date)
        ) as known_to_date
    from {{ ref('stg_contracts') }}
),

ever_prepaid as (
    select distinct customer_id
    from states
    where is_prepaid
),

-- The dates on which this may have changed.
cuts as (
    select distinct
        states.customer_id,
        states.known_from_date as from_date
    from states
    inner join ever_prepaid
        on states.customer_id = ever_prepaid.customer_id
),

prepaid_cuts as (
    select
        cuts.customer_id,
        cuts.from_date,
        min(case when states.is_prepaid then 1 else 0 end) = 1 as is_prepaid
    from cuts
    inner join states
        on
            cuts.customer_id = states.customer_id
            and cuts.from_date >= states.known_from_date
            and coalesce(cuts.from_date < states.known_to_date, true)
            and coalesce(cuts.from_date < states.end_date, true)
    group by cuts.customer_id, cuts.from_date
),

prepaid_times as (
    select
        customer_id,
        from_date,
        is_prepaid,
        -- The first known value also counts for the time before it.
        lag(from_date) over (partition by customer_id order by from_date) is null as is_first,
        lead(from_date) over (partition by customer_id order by from_date) as to_date
    from prepaid_cuts
),

systems as (
    select
        customer_id,
        {{ source_system('source_system') }} as source_system
    from {{ ref('stg_customers') }}
),

payments_begin as (
    select
        systems.source_system,
        coalesce(times.is_prepaid, false) as is_prepaid,
        min(payments.paid_date) as first_paid_date
    from {{ ref('stg_payments') }} as payments
    inner join systems
        on payments.customer_id = systems.customer_id
    left join prepaid_times as times
        on
            payments.customer_id = times.customer_id
            and (times.is_first or payments.paid_date >= times.from_date)
            and coalesce(payments.paid_date < times.to_date, true)
    group by systems.source_system, coalesce(times.is_prepaid, false)
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
    -- A bill without a payment is not unpaid if no payments were recorded yet.
    coalesce(invoices.due_date >= payments_begin.first_paid_date, false) as is_judged,
    {{ add_days('invoices.due_date', var('costs')['write_off_after_days']) }} as write_off_date
from {{ ref('stg_invoices') }} as invoices
left join systems
    on invoices.customer_id = systems.customer_id
left join prepaid_times as times
    on
        invoices.customer_id = times.customer_id
        and (times.is_first or invoices.invoice_date >= times.from_date)
        and coalesce(invoices.invoice_date < times.to_date, true)
left join payments_begin
    on
        systems.source_system = payments_begin.source_system
        and coalesce(times.is_prepaid, false) = payments_begin.is_prepaid
where not {{ is_credit_note('invoices.kind', 'invoices.net_amount') }}
