{%- set settings = var('actions') -%}
{%- set recent = settings['recent_usage_days'] | int -%}
{%- set before = settings['usage_days_before'] | int -%}
{%- set call_date = month_end('call_date') if var('features')['call_granularity'] == 'month' else 'call_date' -%}
with known as (
    select distinct
        action_date,
        usage_known_date
    from {{ ref('usage_dates_on_day') }}
),

by_contract as (
    select
        counted.action_date,
        usage.contract_id,
        max(case when usage.bytes_down + usage.bytes_up > 0 then usage.usage_date end) as last_usage_date,
        sum((usage.bytes_down + usage.bytes_up) * counted.of_month) as bytes_of_month,
        sum((usage.bytes_down + usage.bytes_up) * counted.of_recent) as bytes_recent,
        sum((usage.bytes_down + usage.bytes_up) * counted.of_before) as bytes_before
    from {{ ref('usage_dates_on_day') }} as counted
    inner join {{ ref('stg_usage') }} as usage
        on counted.usage_date = usage.usage_date
    group by counted.action_date, usage.contract_id
),

call_days as (
    select
        contract_id,
        {{ call_date }} as call_date,
        coalesce(calls, call_minutes, 0) + coalesce(messages, 0) as events
    from {{ ref('stg_calls') }}
),

calls_arrived as (
    select
        known.action_date,
        max(call_days.call_date) as calls_known_date
    from known
    left join call_days
        on known.action_date >= call_days.call_date
    group by known.action_date
),

calls_by_contract as (
    select
        known.action_date,
        call_days.contract_id,
        max(call_days.call_date) as last_call_date
    from known
    inner join call_days
        on
            known.action_date >= call_days.call_date
            and {{ add_days('known.action_date', -(settings['lookback_days'] | int)) }} <= call_days.call_date
    where call_days.events > 0
    group by known.action_date, call_days.contract_id
),

contracts as (
    select
        contracts.action_date,
        contracts.customer_id,
        contracts.start_date,
        contracts.data_cap_gb,
        known.usage_known_date,
        usage.last_usage_date,
        usage.bytes_of_month,
        usage.bytes_recent,
        usage.bytes_before,
        -- Of what was in service during all of the days that are compared.
        contracts.start_date <= {{ add_days('known.usage_known_date', -(recent + before)) }} as is_compared,
        contracts.product_family in ({{ text_list(settings['families_with_usage']) }})
        and contracts.start_date > {{ add_days('known.usage_known_date', -(settings['lookback_days'] | int)) }}
        and coalesce(usage.last_usage_date < contracts.start_date, true)
        -- Who calls uses the line; where calls are on record, but not those since its start, that is not known.
        and coalesce(calls.last_call_date < contracts.start_date, true)
        and coalesce(calls_arrived.calls_known_date >= contracts.start_date, true) as is_silent
    from {{ ref('contracts_on_day') }} as contracts
    inner join known
        on contracts.action_date = known.action_date
    left join by_contract as usage
        on
            contracts.action_date = usage.action_date
            and contracts.contract_id = usage.contract_id
    inner join calls_arrived
        on contracts.action_date = calls_arrived.action_date
    left join calls_by_contract as calls
        on
            contracts.action_date = calls.action_date
            and contracts.contract_id = calls.contract_id
    where contracts.is_open
)

select
    action_date,
    customer_id,
    max(usage_known_date) as usage_known_date,
    max(last_usage_date) as last_usage_date,
    min(case when is_silent and start_date <= usage_known_date then start_date end) as silent_since_date,
    max({{ ratio('bytes_of_month', 'data_cap_gb * 1e9') }}) as cap_share,
    {{ ratio(
        'sum(case when is_compared then bytes_recent end) * ' ~ before,
        'sum(case when is_compared then bytes_before end) * ' ~ recent
    ) }} as usage_change,
    {{ ratio('sum(case when is_compared then bytes_before end) * 30', '1e9 * ' ~ before) }} as usage_gb_month_before
from contracts
group by action_date, customer_id
