{{ config(
    database='lake',
    materialized='incremental',
    unique_key='month_end_date',
    partitioned_by='month_end_date',
    post_hook="delete from {{ this }} where month_end_date
        < (select min(month_end_date) from {{ ref('months') }} where is_in_books)",
) }}

-- Rebuilt from all facts each time, so that late data reach the month they belong to. Months that are no longer in the
-- books, because their invoices were withdrawn, are deleted.
with months as (
    select
        customer_id,
        month_end_date,
        {{ amount_of_component('net_invoiced') }} as net_invoiced,
        {{ amount_of_component('credited') }} as credited,
        {{ amount_of_component('written_off') }} as written_off,
        {{ amount_of_component('product_cost') }} as product_cost,
        {{ amount_of_component('usage_cost') }} as usage_cost,
        {{ amount_of_component('care_cost') }} as care_cost,
        {{ amount_of_component('payment_cost') }} as payment_cost
    from {{ ref('margin_entries') }}
    group by customer_id, month_end_date
)

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
    {{ money(
        'net_invoiced - credited - written_off - product_cost - usage_cost - care_cost - payment_cost'
    ) }} as margin
from months
