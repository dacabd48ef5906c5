{{ config(materialized='table') }}

select
    invoice_id,
    customer_id,
    contract_id,
    invoice_date,
    period_start,
    period_end,
    -net_amount as net_amount,
    {{ money('-(net_amount + tax_amount)') }} as gross_amount
from {{ ref('stg_invoices') }}
where {{ is_credit_note('kind', 'net_amount') }}
