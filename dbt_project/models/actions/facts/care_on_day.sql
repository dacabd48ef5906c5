{%- set settings = var('actions') -%}
{%- set complaint_days = settings['complaint_lookback_days'] | int -%}
with complaints as (
    select
        days.action_date,
        interactions.customer_id,
        min(cast(interactions.occurred_at as date)) as complaint_open_since_date
    from {{ ref('action_days') }} as days
    inner join {{ ref('stg_interactions') }} as interactions
        on
            {{ add_days('days.action_date', 1) }} > interactions.occurred_at
            and {{ add_days('days.action_date', -complaint_days) }} <= interactions.occurred_at
    where
        interactions.category in ({{ text_list(var('features')['contact_categories_of_complaint']) }})
        and coalesce(interactions.resolved_at >= {{ add_days('days.action_date', 1) }}, true)
    group by days.action_date, interactions.customer_id
),

outage_of_lines as (
    select
        contracts.action_date,
        contracts.customer_id,
        contracts.contract_id,
        sum(quality.outage_minutes) as outage_minutes,
        max(case when coalesce(quality.outage_minutes > 0, true) then quality.quality_date end) as last_outage_date
    from {{ ref('contracts_on_day') }} as contracts
    inner join {{ ref('stg_service_quality') }} as quality
        on
            contracts.contract_id = quality.contract_id
            and contracts.action_date >= quality.quality_date
            and {{ add_days('contracts.action_date', -(settings['outage_days'] | int)) }} < quality.quality_date
    where contracts.is_open
    group by contracts.action_date, contracts.customer_id, contracts.contract_id
),

-- Hours of the worst line: two lines down at once are not down for twice as long.
outages as (
    select
        action_date,
        customer_id,
        cast(max(outage_minutes) as double) / 60 as outage_hours,
        max(last_outage_date) as last_outage_date
    from outage_of_lines
    group by action_date, customer_id
)

select
    action_date,
    customer_id,
    complaints.complaint_open_since_date,
    outages.outage_hours,
    outages.last_outage_date
from complaints
full join outages using (action_date, customer_id)
