{{ config(materialized='view', persist_docs={'relation': true, 'columns': false}) }}

select
    customer_id,
    month_end_date,
    net_invoiced,
    credited,
    written_off,
    product_cost,
    usage_cost,
    care_cost,
    payment_cost,
    margin
from {{ ref('margin_months') }}
