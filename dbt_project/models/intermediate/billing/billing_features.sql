with run_months as (
    select
        month_end_date as as_of_date,
        month_number
    from {{ ref('months') }}
    where is_run_month
),

margins as (
    select
        run_months.as_of_date,
        run_months.month_number - {{ month_number('margins.month_end_date') }} as months_ago,
        margins.customer_id,
        margins.net_invoiced - margins.credited as net_revenue,
        margins.margin
    from run_months
    inner join {{ ref('margin_months') }} as margins
        on run_months.as_of_date >= margins.month_end_date
),

totals as (
    select
        customer_id,
        as_of_date,
        sum(case when months_ago = 0 then net_revenue else 0 end) as net_revenue_1m,
        sum(case when months_ago < 12 then net_revenue else 0 end) as net_revenue_12m,
        sum(case when months_ago < 3 then margin else 0 end) as margin_3m,
        sum(case when months_ago < 12 then margin else 0 end) as margin_12m,
        sum(margin) as past_value,
        max(months_ago) + 1 as months_in_books
    from margins
    group by customer_id, as_of_date
),

usage_revenue as (
    select
        run_months.as_of_date,
        bills.customer_id,
        sum(bills.net_amount) as usage_revenue_3m
    from run_months
    inner join {{ ref('bills') }} as bills
        on
            run_months.as_of_date >= bills.invoice_date
            and {{ month_end(add_months('run_months.as_of_date', -3)) }} < bills.invoice_date
    where bills.kind = 'usage'
    group by run_months.as_of_date, bills.customer_id
)

select
    totals.customer_id,
    totals.as_of_date,
    {{ money('totals.net_revenue_1m') }} as net_revenue_1m,
    {{ money('totals.net_revenue_12m') }} as net_revenue_12m,
    {{ money('totals.margin_3m / least(totals.months_in_books, 3)') }} as margin_3m_mean,
    {{ money('totals.margin_12m') }} as margin_12m,
    {{ money('totals.past_value') }} as past_value,
    {{ money(
        'coalesce(usage_revenue.usage_revenue_3m, 0) / least(totals.months_in_books, 3)'
    ) }} as usage_revenue_3m_mean,
    coalesce(charges.expected_usage_revenue, 0) as expected_usage_revenue
from totals
left join usage_revenue
    on
        totals.customer_id = usage_revenue.customer_id
        and totals.as_of_date = usage_revenue.as_of_date
left join {{ ref('expected_usage_charges') }} as charges
    on
        totals.customer_id = charges.customer_id
        and totals.as_of_date = charges.month_end_date
