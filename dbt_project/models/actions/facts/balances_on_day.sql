with balances as (
    select
        days.action_date,
        balances.customer_id,
        balances.balance_date,
        balances.balance_amount,
        balances.blocking_date,
        row_number() over (
            partition by days.action_date, balances.customer_id order by balances.balance_date desc
        ) as recency
    from {{ ref('action_days') }} as days
    inner join {{ ref('stg_balances') }} as balances
        on
            days.action_date >= balances.balance_date
            and {{ add_days('days.action_date', -(var('actions')['stale_after_days'] | int)) }} <= balances.balance_date
)

select
    action_date,
    customer_id,
    balance_date,
    balance_amount,
    blocking_date
from balances
where recency = 1
