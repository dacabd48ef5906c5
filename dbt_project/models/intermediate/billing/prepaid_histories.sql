-- Months in which a prepaid customer topped up (top-ups are billed), counted from the first of them. What it was billed
-- before it became prepaid is no top-up.
with prepaid as (
    select
        features.customer_id,
        features.as_of_date,
        case
            when times.from_date > features.spell_start_date then times.from_date
            else features.spell_start_date
        end as prepaid_since_date,
        {{ month_number('features.as_of_date') }} as as_of_month_number
    from {{ ref('contract_features') }} as features
    left join {{ ref('prepaid_times') }} as times
        on
            features.customer_id = times.customer_id
            and features.as_of_date >= times.from_date
            and features.as_of_date < times.to_date
    where features.is_prepaid
),

active_months as (
    select
        prepaid.customer_id,
        prepaid.as_of_date,
        prepaid.as_of_month_number,
        {{ month_number('bills.invoice_date') }} as month_number,
        sum(bills.net_amount) as spend
    from prepaid
    inner join {{ ref('bills') }} as bills
        on
            prepaid.customer_id = bills.customer_id
            and prepaid.as_of_date >= bills.invoice_date
            and prepaid.prepaid_since_date <= bills.invoice_date
    where bills.net_amount > 0
    group by
        prepaid.customer_id,
        prepaid.as_of_date,
        prepaid.as_of_month_number,
        {{ month_number('bills.invoice_date') }}
),

counted as (
    select
        *,
        min(month_number) over (partition by customer_id, as_of_date) as first_month_number
    from active_months
)

select
    customer_id,
    as_of_date,
    cast(max(as_of_month_number) - max(first_month_number) as integer) as prepaid_months,
    cast(count(*) - 1 as integer) as prepaid_repeats,
    cast(max(month_number) - max(first_month_number) as integer) as prepaid_last_month,
    {{ money(
        'sum(case when month_number > first_month_number then spend end) / nullif(count(*) - 1, 0)'
    ) }} as prepaid_mean_spend
from counted
group by customer_id, as_of_date
