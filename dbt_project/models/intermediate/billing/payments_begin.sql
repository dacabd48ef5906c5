{{ config(materialized='table') }}

-- A payment is known to be a top-up once a contract of its customer is known.
select
    {{ source_system('customers.source_system') }} as source_system,
    coalesce(times.is_prepaid, false) as is_prepaid,
    min(greatest(payments.paid_date, coalesce(times.known_from_date, payments.paid_date))) as first_paid_date
from {{ ref('stg_payments') }} as payments
inner join {{ ref('stg_customers') }} as customers
    on payments.customer_id = customers.customer_id
left join {{ ref('prepaid_times') }} as times
    on
        payments.customer_id = times.customer_id
        and payments.paid_date >= times.from_date
        and payments.paid_date < times.to_date
group by {{ source_system('customers.source_system') }}, coalesce(times.is_prepaid, false)
