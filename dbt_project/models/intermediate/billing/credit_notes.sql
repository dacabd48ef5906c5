{{ config(materialized='table') }}

select
    invoice_id,
    customer_id,
    invoice_date,
    -net_amount as net_amount,
    -(net_amount + tax_amount) as gross_amount
from {{ ref('stg_invoices') }}
where {{ is_credit_note('kind', 'net_amount') }}
