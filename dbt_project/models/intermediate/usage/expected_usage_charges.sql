{{ config(materialized='table') }}

{%- set usage_revenue_months = var('features')['usage_revenue_months'] | int %}

-- Usage charges fluctuate, and one month of roaming is no promise: the best and the worst month are left out. Top-ups
-- from before a customer took a plan are no promise either, since the plan's fee takes their place. A bill for several
-- months stands for as many, until the next one.
with usage_bills as (
    select
        bills.customer_id,
        coalesce(times.from_date, {{ first_date() }}) as billed_since_date,
        {{ month_number('bills.invoice_date') }} as month_number,
        bills.net_amount,
        case
            when {{ is_believable_period('bills.period_start', 'bills.period_end') }}
                then greatest(
                    round(({{ days_between('bills.period_start', 'bills.period_end') }} + 1) / 30.4375),
                    1
                )
            else 1
        end as months_billed
    from {{ ref('bills') }} as bills
    left join {{ ref('prepaid_times') }} as times
        on
            bills.customer_id = times.customer_id
            and bills.invoice_date >= times.from_date
            and bills.invoice_date < times.to_date
    where bills.kind = 'usage'
),

charges_by_bill as (
    select
        customer_id,
        billed_since_date,
        month_number,
        net_amount
    from usage_bills
    where months_billed = 1

    union all

    select
        usage_bills.customer_id,
        usage_bills.billed_since_date,
        usage_bills.month_number + numbers.number as month_number,
        {{ money('usage_bills.net_amount / usage_bills.months_billed') }} as net_amount
    from usage_bills
    inner join {{ thousand_numbers() }} as numbers
        on numbers.number < usage_bills.months_billed
    where usage_bills.months_billed > 1
),

charges as (
    select
        customer_id,
        billed_since_date,
        month_number,
        sum(net_amount) as amount
    from charges_by_bill
    group by customer_id, billed_since_date, month_number
),

-- The months before the first such bill were not without charges: it is for them.
bills_of_several_months as (
    select
        customer_id,
        billed_since_date,
        min(month_number) as first_month_number
    from usage_bills
    where months_billed > 1
    group by customer_id, billed_since_date
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
        charges.billed_since_date,
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
            greatest(
                charged.month_number + 1 - greatest(
                    books.first_month_number,
                    {{ month_number('charged.billed_since_date') }},
                    case
                        when several.first_month_number <= charged.month_number then several.first_month_number
                        else 0
                    end
                ),
                charged.months_charged
            ),
            {{ usage_revenue_months }}
        ) as months
    from charged
    inner join books
        on charged.customer_id = books.customer_id
    left join bills_of_several_months as several
        on
            charged.customer_id = several.customer_id
            and charged.billed_since_date = several.billed_since_date
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
