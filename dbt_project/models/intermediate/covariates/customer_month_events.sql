with months as (
    select * from {{ ref('covariate_months') }}
),

payments as (
    select
        payments.customer_id,
        months.month_end_date,
        sum(case when payments.status = 'failed' then 1 else 0 end) as failed_payments,
        max(
            case
                when payments.method in ({{ text_list(var('features')['autopay_methods']) }}) then 1
                when payments.method is not null then 0
            end
        ) as pays_automatically,
        0 as contacts,
        0 as complaints,
        cast(null as double) as outage_minutes,
        0 as unmeasured_outages
    from {{ ref('stg_payments') }} as payments
    inner join months
        on {{ month_end('payments.paid_date') }} = months.month_end_date
    group by payments.customer_id, months.month_end_date
),

contacts as (
    select
        interactions.customer_id,
        months.month_end_date,
        0 as failed_payments,
        cast(null as integer) as pays_automatically,
        count(*) as contacts,
        sum(
            case
                when interactions.category in ({{ text_list(var('features')['contact_categories_of_complaint']) }})
                    then 1
                else 0
            end
        ) as complaints,
        cast(null as double) as outage_minutes,
        0 as unmeasured_outages
    from {{ ref('stg_interactions') }} as interactions
    inner join months
        on {{ month_end('cast(interactions.occurred_at as date)') }} = months.month_end_date
    group by interactions.customer_id, months.month_end_date
),

contract_outages as (
    select
        quality.contract_id,
        months.month_end_date,
        sum(quality.outage_minutes) as outage_minutes,
        count(*) - count(quality.outage_minutes) as unmeasured_outages
    from {{ ref('stg_service_quality') }} as quality
    inner join months
        on {{ month_end('quality.quality_date') }} = months.month_end_date
    group by quality.contract_id, months.month_end_date
),

outages as (
    select
        states.customer_id,
        outages.month_end_date,
        0 as failed_payments,
        cast(null as integer) as pays_automatically,
        0 as contacts,
        0 as complaints,
        sum(outages.outage_minutes) as outage_minutes,
        sum(outages.unmeasured_outages) as unmeasured_outages
    from contract_outages as outages
    inner join {{ ref('contract_states') }} as states
        on
            outages.contract_id = states.contract_id
            and outages.month_end_date >= states.valid_from_date
            and (states.valid_to_date is null or outages.month_end_date < states.valid_to_date)
    group by states.customer_id, outages.month_end_date
),

-- A bill counts in the month it is due and in the two months after, as known at the end of each.
due_months as (
    select
        months.month_end_date,
        months.month_number - numbers.number as due_month_number
    from months
    cross join {{ thousand_numbers() }} as numbers
    where numbers.number < 3
),

settled as (
    select invoice_id, min(settled_date) as settled_date
    from {{ ref('bill_settlements') }}
    where is_settled
    group by invoice_id
),

judged_bills as (
    select
        bills.customer_id,
        bills.due_date,
        {{ month_number('bills.due_date') }} as due_month_number,
        settled.settled_date
    from {{ ref('bills') }} as bills
    left join settled
        on bills.invoice_id = settled.invoice_id
    where
        bills.is_judged
        and bills.gross_amount > 0
),

late_bills as (
    select
        bills.customer_id,
        due_months.month_end_date,
        max(
            greatest(
                {{ days_between(
                    'bills.due_date',
                    'least(coalesce(bills.settled_date, due_months.month_end_date), due_months.month_end_date)'
                ) }},
                0
            )
        ) as days_late_3m
    from judged_bills as bills
    inner join due_months
        on bills.due_month_number = due_months.due_month_number
    group by bills.customer_id, due_months.month_end_date
),

events as (
    select
        customer_id,
        month_end_date,
        cast(sum(failed_payments) as integer) as failed_payments,
        max(pays_automatically) as pays_automatically,
        cast(sum(contacts) as integer) as contacts,
        cast(sum(complaints) as integer) as complaints,
        sum(outage_minutes) as outage_minutes,
        cast(sum(unmeasured_outages) as integer) as unmeasured_outages
    from (
        select * from payments
        union all
        select * from contacts
        union all
        select * from outages
    ) as all_events
    group by customer_id, month_end_date
)

select
    customer_id,
    month_end_date,
    coalesce(events.failed_payments, 0) as failed_payments,
    events.pays_automatically,
    coalesce(events.contacts, 0) as contacts,
    coalesce(events.complaints, 0) as complaints,
    events.outage_minutes,
    coalesce(events.unmeasured_outages, 0) as unmeasured_outages,
    late_bills.days_late_3m
from events
full outer join late_bills using (customer_id, month_end_date)
