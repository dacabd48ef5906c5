{{ config(materialized='table') }}

select
    *,
    row_number() over bills_so_far as bill_number,
    sum(gross_amount) over bills_so_far as billed_to_date
from {{ ref('bill_amounts') }}
window bills_so_far as (
    partition by customer_id order by invoice_date, invoice_id
    rows between unbounded preceding and current row
)
