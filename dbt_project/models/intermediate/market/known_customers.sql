{{ config(materialized='table') }}

-- A record may be younger than its own contracts and bills, because it was made again or merged: the earliest evidence
-- counts, so that whoever is in the ledger is in the segments too.
with evidence as (
    select customer_id, min(valid_from_date) as known_date
    from {{ ref('stg_contracts') }}
    group by customer_id

    union all

    select customer_id, min(invoice_date) as known_date
    from {{ ref('stg_invoices') }}
    group by customer_id

    union all

    select customer_id, min(paid_date) as known_date
    from {{ ref('stg_payments') }}
    group by customer_id

    union all

    select customer_id, min(cast(occurred_at as date)) as known_date
    from {{ ref('stg_interactions') }}
    group by customer_id
),

earliest as (
    select customer_id, min(known_date) as known_date
    from evidence
    group by customer_id
)

select
    customers.*,
    least(customers.created_date, coalesce(earliest.known_date, customers.created_date)) as known_since_date
from {{ ref('stg_customers') }} as customers
left join earliest
    on customers.customer_id = earliest.customer_id
