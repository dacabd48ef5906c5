with months as (
    select month_end_date, month_start_date
    from {{ ref('months') }}
    where is_in_books
),

dated as (
    select
        customer_id,
        cast(occurred_at as date) as entry_date,
        'care_cost' as component,
        cast({{ var('costs')['per_contact'] }} as decimal(18, 4)) as amount
    from {{ ref('stg_interactions') }}
    union all
    select
        customer_id,
        paid_date as entry_date,
        'payment_cost' as component,
        cast({{ var('costs')['per_payment_failure'] }} as decimal(18, 4)) as amount
    from {{ ref('stg_payments') }}
    where status = 'failed'
),

usage_costs as (
    select
        states.customer_id,
        usage_months.month_end_date,
        {{ money('(usage_months.bytes_down + usage_months.bytes_up) / 1e9 * ' ~ var('costs')['per_gb']) }} as amount
    from {{ ref('usage_months') }} as usage_months
    inner join months
        on usage_months.month_end_date = months.month_end_date
    inner join {{ ref('contract_states') }} as states
        on
            usage_months.contract_id = states.contract_id
            and usage_months.month_end_date >= states.valid_from_date
            and (states.valid_to_date is null or usage_months.month_end_date < states.valid_to_date)
    where usage_months.usage_days > 0
)

select customer_id, month_end_date, component, {{ money('sum(amount)') }} as amount
from {{ ref('recognized_months') }}
group by customer_id, month_end_date, component

union all

select
    dated.customer_id,
    months.month_end_date,
    dated.component,
    {{ money('sum(dated.amount)') }} as amount
from dated
inner join months
    on {{ month_end('dated.entry_date') }} = months.month_end_date
group by dated.customer_id, months.month_end_date, dated.component

union all

select customer_id, month_end_date, 'usage_cost' as component, {{ money('sum(amount)') }} as amount
from usage_costs
group by customer_id, month_end_date

union all

select
    customer_id,
    month_end_date,
    'product_cost' as component,
    {{ money('sum(product_cost)') }} as amount
from {{ ref('service_months') }}
group by customer_id, month_end_date
