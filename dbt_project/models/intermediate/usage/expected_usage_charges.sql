{{ config(materialized='table') }}

{%- set usage_revenue_months = var('features')['usage_revenue_months'] | int %}

-- Usage charges fluctuate, and one month of roaming is no promise: the best and the worst month are left out.
with charges as (
    select
        customer_id,
        {{ month_number('invoice_date') }} as month_number,
        sum(net_amount) as amount
    from {{ ref('bills') }}
    where kind = 'usage'
    group by customer_id, {{ month_number('invoice_date') }}
),

books as (
    select
        customer_id,
        min({{ month_number('month_end_date') }}) as first_month_number
    from {{ ref('margin_months') }}
    group by customer_id
),

charged as (
    select
        charges.customer_id,
        months.month_end_date,
        months.month_number,
        count(*) as months_charged,
        sum(charges.amount) as amount,
        max(charges.amount) as most,
        min(charges.amount) as least_charged
    from charges
    inner join {{ ref('covariate_months') }} as months
        on
            charges.month_number <= months.month_number
            and charges.month_number > months.month_number - {{ usage_revenue_months }}
    group by charges.customer_id, months.month_end_date, months.month_number
),

recent as (
    select
        charged.*,
        least(charged.month_number - books.first_month_number + 1, {{ usage_revenue_months }}) as months
    from charged
    inner join books
        on charged.customer_id = books.customer_id
),

bounds as (
    select
        *,
        case when months_charged < months then 0 else least_charged end as fewest
    from recent
)

select
    customer_id,
    month_end_date,
    {{ money(
        'case when months > 2 then (amount - most - fewest) / (months - 2) else amount / months end'
    ) }} as expected_usage_revenue
from bounds
