{{ config(materialized='table') }}

with run_months as (
    select distinct as_of_date
    from {{ source('ops', 'run_scope') }}
    where run_id = {{ run_id() }}
),

-- The books open with the first invoice: customers who left before it are in no table, so no month before it counts.
books as (
    select min(invoice_date) as first_invoice_date
    from {{ ref('stg_invoices') }}
),

span as (
    select
        books.first_invoice_date,
        -- Three months before the run's first, for comparisons with a quarter ago.
        least(
            {{ month_end('books.first_invoice_date') }},
            {{ month_end(add_months('min(run_months.as_of_date)', -3)) }}
        ) as first_month_end_date,
        max(run_months.as_of_date) as last_month_end_date
    from run_months
    cross join books
    group by books.first_invoice_date
),

calendar as (
    select
        {{ month_end(add_months('span.first_month_end_date', 'numbers.number')) }} as month_end_date,
        span.first_invoice_date,
        span.last_month_end_date
    from span
    cross join {{ thousand_numbers() }} as numbers
)

select
    month_end_date,
    {{ month_start('month_end_date') }} as month_start_date,
    cast({{ month_number('month_end_date') }} as integer) as month_number,
    cast(extract(day from month_end_date) as integer) as days_in_month,
    month_end_date in (select run_months.as_of_date from run_months) as is_run_month,
    coalesce(month_end_date >= first_invoice_date, false) as is_in_books
from calendar
where month_end_date <= last_month_end_date
