with run_months as (
    select
        month_end_date as as_of_date,
        {{ add_days('month_end_date', 1) }} as next_day,
        {{ month_end(add_months('month_end_date', -3)) }} as quarter_before_date
    from {{ ref('months') }}
    where is_run_month
),

contacts as (
    select
        run_months.as_of_date,
        interactions.customer_id,
        count(*) as contacts_3m,
        sum(
            case
                when interactions.category in ({{ text_list(var('features')['contact_categories_of_complaint']) }})
                    then 1
                else 0
            end
        ) as complaints_3m
    from run_months
    inner join {{ ref('stg_interactions') }} as interactions
        on
            run_months.next_day > interactions.occurred_at
            and {{ add_days('run_months.quarter_before_date', 1) }} <= interactions.occurred_at
    group by run_months.as_of_date, interactions.customer_id
),

-- Outages count for whoever held the contract on the day.
outages as (
    select
        run_months.as_of_date,
        states.customer_id,
        {{ sum_if_all_known('quality.outage_minutes') }} as outage_minutes_3m,
        count(*) > count(quality.outage_minutes) as has_unmeasured_outage
    from run_months
    inner join {{ ref('stg_service_quality') }} as quality
        on
            run_months.as_of_date >= quality.quality_date
            and run_months.quarter_before_date < quality.quality_date
    inner join {{ ref('contract_states') }} as states
        on
            quality.contract_id = states.contract_id
            and run_months.as_of_date >= states.valid_from_date
            and (states.is_first_state or quality.quality_date >= states.valid_from_date)
            and (states.valid_to_date is null or quality.quality_date < states.valid_to_date)
    group by run_months.as_of_date, states.customer_id
)

select
    customer_id,
    as_of_date,
    contacts.contacts_3m,
    contacts.complaints_3m,
    outages.outage_minutes_3m,
    coalesce(outages.has_unmeasured_outage, false) as has_unmeasured_outage
from contacts
full outer join outages using (customer_id, as_of_date)
