{{ config(materialized='table') }}

{%- set settings = var('plan_fit') -%}
{%- set months = settings['months'] | int -%}

with contracts as (
    select
        months.month_end_date as as_of_date,
        states.contract_id,
        states.customer_id,
        states.product_family,
        states.product_code as plan_code,
        states.service_start_date,
        states.data_cap_gb,
        states.download_mbps,
        states.monthly_fee - case
            when states.discount_until_date < months.month_end_date then 0
            else states.discount_amount
        end as net_fee,
        states.monthly_product_cost
    from {{ ref('months') }} as months
    inner join {{ ref('contract_states') }} as states
        on
            months.month_end_date >= states.valid_from_date
            and coalesce(months.month_end_date < states.valid_to_date, true)
            and months.month_end_date >= states.service_start_date
    where
        months.is_run_month
        and states.status not in ('pending', 'ended')
        and coalesce(states.end_date > months.month_end_date, true)
),

-- Only whole months of service: part of a month would look like little use.
used_months as (
    select
        contracts.as_of_date,
        contracts.contract_id,
        {{ ratio('usage.bytes_down + usage.bytes_up', '1e9') }} as used_gb,
        usage.peak_mbps,
        {{ ratio('usage.bytes_down + usage.bytes_up', 'contracts.data_cap_gb * 1e9') }} as cap_share,
        {{ ratio('usage.peak_mbps', 'contracts.download_mbps') }} as rate_share,
        -- 1 megabit a second is 0.45 gigabytes an hour.
        {{ ratio('(usage.bytes_down + usage.bytes_up) / 1e9', 'contracts.download_mbps * 0.45') }} as hours_at_full_rate
    from contracts
    inner join {{ ref('usage_months') }} as usage
        on
            contracts.contract_id = usage.contract_id
            and contracts.as_of_date >= usage.month_end_date
            and {{ month_end(add_months('contracts.as_of_date', -months)) }} < usage.month_end_date
            and contracts.service_start_date <= {{ month_start('usage.month_end_date') }}
    where usage.usage_days >= {{ settings['least_days_of_month'] | int }}
),

uses as (
    select
        as_of_date,
        contract_id,
        count(*) as months_known,
        max(used_gb) as most_gb,
        {{ quantile('used_gb', 0.5) }} as median_gb,
        max(peak_mbps) as most_mbps,
        max(cap_share) as most_cap_share,
        max(rate_share) as most_rate_share,
        {{ ratio(
            'sum(case when cap_share >= ' ~ settings['pressed_cap_share'] ~ ' then 1 else 0 end)', 'count(cap_share)'
        ) }} as pressed_months_share,
        {{ ratio('sum(case when cap_share >= 1 then 1 else 0 end)', 'count(cap_share)') }} as full_months_share,
        -- A peak may be one speed test: a line under pressure also carries much for its rate.
        {{ ratio(
            'sum(case when rate_share >= ' ~ settings['pressed_rate_share'] ~ ' and hours_at_full_rate >= '
            ~ settings['pressed_rate_hours'] ~ ' then 1 else 0 end)',
            'count(rate_share)'
        ) }} as fast_months_share
    from used_months
    group by as_of_date, contract_id
)

select
    contracts.*,
    cast(coalesce(uses.months_known, 0) as integer) as months_known,
    uses.most_gb,
    uses.median_gb,
    uses.most_mbps,
    uses.most_cap_share,
    uses.most_rate_share,
    uses.pressed_months_share,
    uses.full_months_share,
    uses.fast_months_share
from contracts
left join uses
    on
        contracts.as_of_date = uses.as_of_date
        and contracts.contract_id = uses.contract_id
