{{ config(materialized='table') }}

{%- set usage_revenue_months = var('features')['usage_revenue_months'] | int %}

-- Usage charges fluctuate, and one month of roaming is no promise: the best and the worst month are left out. Top-ups
-- from before a customer took a plan are no promise either, since the plan's fee takes their place.
with charges as (
    select
        bills.customer_id,
        coalesce(times.from_date, {{ first_date() }}) as billed_since_date,
        {{ month_number('bills.invoice_date') }} as month_number,
        sum(bills.net_amount) as amount
    from {{ ref('bills') }} as bills
    left join {{ ref('prepaid_times') }} as times
        on
            bills.customer_id = times.customer_id
            and bills.invoice_date >= times.from_date
            and bills.invoice_date < times.to_date
    where bills.kind = 'usage'
    group by
        bills.customer_id,
        coalesce(times.from_date, {{ first_date() }}),
        {{ month_number('bills.invoice_date') }}
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
        {{ month_number('charges.billed_since_date') }} as billed_since_month,
        count(*) as months_charged,
        sum(charges.amount) as amount,
        max(charges.amount) as most,
        min(charges.amount) as least_charged
    from charges
    inner join {{ ref('covariate_months') }} as months
        on
            charges.month_number <= months.month_number
            and charges.month_number > months.month_number - {{ usage_revenue_months }}
    left join {{ ref('prepaid_times') }} as times
        on
            charges.customer_id = times.customer_id
            and months.month_end_date >= times.from_date
            and months.month_end_date < times.to_date
    where charges.billed_since_date = coalesce(times.from_date, {{ first_date() }})
    group by charges.customer_id, months.month_end_date, months.month_number, charges.billed_since_date
),

recent as (
    select
        charged.*,
        least(
            charged.month_number - greatest(books.first_month_number, charged.billed_since_month) + 1,
            {{ usage_revenue_months }}
        ) as months
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
