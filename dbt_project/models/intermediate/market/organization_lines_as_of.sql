{{ config(materialized='table') }}

-- What organizations hold open on the day, with how long each line was in service in the three months before.
with run_months as (
    select
        month_end_date as as_of_date,
        {{ month_end(add_months('month_end_date', -3)) }} as quarter_before_date
    from {{ ref('months') }}
    where is_run_month
),

quality_begins as (
    select min(quality_date) as first_quality_date
    from {{ ref('stg_service_quality') }}
),

lines as (
    select
        run_months.as_of_date,
        run_months.quarter_before_date,
        states.contract_id,
        states.customer_id,
        states.product_family,
        states.product_code,
        states.address_id,
        states.access_technology,
        states.committed_until_date,
        states.service_start_date,
        {{ channel_of('states.sales_channel') }} as sales_channel,
        {{ channel_of('customers.preferred_channel') }} as wanted_channel,
        states.reseller_customer_id is not null and placeholders.named_id is null as is_resold,
        {{ agreed_uptime('states.product_code') }} as agreed_uptime
    from run_months
    inner join {{ ref('contract_states') }} as states
        on
            run_months.as_of_date >= states.valid_from_date
            and coalesce(run_months.as_of_date < states.valid_to_date, true)
            and run_months.as_of_date >= states.service_start_date
    inner join {{ ref('stg_customers') }} as customers
        on
            states.customer_id = customers.customer_id
            and customers.customer_type = 'organization'
    left join {{ ref('placeholder_customers_as_of') }} as placeholders
        on
            run_months.as_of_date = placeholders.as_of_date
            and states.reseller_customer_id = placeholders.named_id
            and placeholders.reference = 'reseller'
    where
        states.status not in ('pending', 'ended')
        and coalesce(states.end_date > run_months.as_of_date, true)
),

outages as (
    select
        lines.as_of_date,
        lines.contract_id,
        {{ sum_if_all_known('quality.outage_minutes') }} as outage_minutes
    from lines
    inner join {{ ref('stg_service_quality') }} as quality
        on
            lines.contract_id = quality.contract_id
            and lines.as_of_date >= quality.quality_date
            and lines.quarter_before_date < quality.quality_date
    group by lines.as_of_date, lines.contract_id
)

select
    lines.*,
    outages.contract_id is not null and outages.outage_minutes is null as has_unmeasured_outage,
    -- A day without a row had no outage, once outages are on record.
    case
        when
            lines.product_family in ('internet', 'mobile')
            and quality_begins.first_quality_date <= {{ add_days('lines.quarter_before_date', 1) }}
            and lines.service_start_date < lines.as_of_date
            then
                1 - {{ ratio(
                    'case when outages.contract_id is null then 0 else outages.outage_minutes end',
                    '1440 * ' ~ days_between(
                        'greatest(lines.service_start_date, lines.quarter_before_date)', 'lines.as_of_date'
                    )
                ) }}
    end as uptime
from lines
cross join quality_begins
left join outages
    on
        lines.as_of_date = outages.as_of_date
        and lines.contract_id = outages.contract_id
