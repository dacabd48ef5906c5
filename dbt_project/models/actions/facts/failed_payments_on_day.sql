-- The last failed payment, if no payment has been settled since.
with payments as (
    select
        days.action_date,
        payments.customer_id,
        max(case when payments.status = 'failed' then payments.paid_date end) as failed_date,
        max(case when payments.status = 'settled' then payments.paid_date end) as settled_date
    from {{ ref('action_days') }} as days
    inner join {{ ref('stg_payments') }} as payments
        on
            days.action_date >= payments.paid_date
            and {{ add_days('days.action_date', -(var('actions')['lookback_days'] | int)) }} <= payments.paid_date
    group by days.action_date, payments.customer_id
)

select
    action_date,
    customer_id,
    failed_date as payment_failed_date
from payments
where
    failed_date is not null
    and coalesce(settled_date < failed_date, true)
