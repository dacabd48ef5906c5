{%- set settings = var('actions') -%}
{%- set recent = settings['recent_usage_days'] | int -%}
{%- set before = settings['usage_days_before'] | int -%}
{%- set lookback = settings['lookback_days'] | int -%}
{%- set is_of_days = var('features')['call_granularity'] == 'day' -%}
{%- set call_date = 'call_date' if is_of_days else month_end('call_date') -%}
-- For an internet line use is traffic, for a fixed phone calls, for a mobile both: it is in use if it carries either.
with traffic_known as (
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

traffic_recorded as (
    select true as is_recorded
    where exists (select usage.usage_date from {{ ref('stg_usage') }} as usage)
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
        days.action_date,
        max(call_days.call_date) as calls_known_date
    from {{ ref('action_days') }} as days
    left join call_days
        on days.action_date >= call_days.call_date
    group by days.action_date
),

known as (
    select
        calls_arrived.action_date,
        traffic_known.usage_known_date as traffic_known_date,
        calls_arrived.calls_known_date,
        case
            when
                {{ days_between('calls_arrived.calls_known_date', 'calls_arrived.action_date') }}
                <= {{ settings['stale_after_days'] | int }}
                then calls_arrived.calls_known_date
        end as fresh_calls_date,
        -- If phone traffic is recorded but has not arrived, calls without it say nothing.
        traffic_recorded.is_recorded is null or traffic_known.usage_known_date is not null as is_traffic_told
    from calls_arrived
    left join traffic_recorded
        on traffic_recorded.is_recorded
    left join traffic_known
        on calls_arrived.action_date = traffic_known.action_date
),

calls_by_contract as (
    select
        known.action_date,
        call_days.contract_id,
        max(case when call_days.events > 0 then call_days.call_date end) as last_call_date,
        sum(
            case
                when call_days.call_date > {{ add_days('known.fresh_calls_date', -recent) }} then call_days.events
                else 0
            end
        ) as events_recent,
        sum(
            case
                when
                    call_days.call_date <= {{ add_days('known.fresh_calls_date', -recent) }}
                    and call_days.call_date > {{ add_days('known.fresh_calls_date', -(recent + before)) }}
                    then call_days.events
                else 0
            end
        ) as events_before
    from known
    inner join call_days
        on
            known.action_date >= call_days.call_date
            and {{ add_days('known.action_date', -lookback) }} <= call_days.call_date
    group by known.action_date, call_days.contract_id
),

lines as (
    select
        contracts.action_date,
        contracts.contract_id,
        contracts.customer_id,
        contracts.product_family,
        contracts.start_date,
        contracts.data_cap_gb,
        known.traffic_known_date,
        known.calls_known_date,
        known.fresh_calls_date,
        known.is_traffic_told,
        contracts.product_family in ('mobile', 'fixed_voice') as is_phone,
        case
            when contracts.product_family = 'fixed_voice' then known.fresh_calls_date
            when contracts.product_family = 'mobile' and known.is_traffic_told
                then coalesce(known.traffic_known_date, known.fresh_calls_date)
            else known.traffic_known_date
        end as known_date
    from {{ ref('contracts_on_day') }} as contracts
    inner join known
        on contracts.action_date = known.action_date
    where
        contracts.is_open
        and (known.traffic_known_date is not null or known.fresh_calls_date is not null)
),

contracts as (
    select
        lines.*,
        usage.bytes_of_month,
        usage.bytes_recent,
        usage.bytes_before,
        calls.events_recent,
        calls.events_before,
        case
            when lines.is_phone then greatest(usage.last_usage_date, calls.last_call_date)
            else usage.last_usage_date
        end as last_usage_date,
        -- Only lines in service during all of the days compared.
        lines.start_date <= {{ add_days('lines.traffic_known_date', -(recent + before)) }} as is_compared,
        lines.is_phone
        and {{ is_of_days | lower }}
        and lines.start_date <= {{ add_days('lines.fresh_calls_date', -(recent + before)) }} as is_compared_by_calls,
        lines.product_family in ({{ text_list(settings['families_with_usage']) }})
        and lines.start_date > {{ add_days('lines.known_date', -lookback) }}
        and lines.start_date <= lines.known_date
        and coalesce(usage.last_usage_date < lines.start_date, true)
        -- Calls are use too; if calls are recorded, but not yet since the line's start, use is unknown.
        and coalesce(calls.last_call_date < lines.start_date, true)
        and coalesce(lines.calls_known_date >= lines.start_date, true) as is_silent
    from lines
    left join by_contract as usage
        on
            lines.action_date = usage.action_date
            and lines.contract_id = usage.contract_id
    left join calls_by_contract as calls
        on
            lines.action_date = calls.action_date
            and lines.contract_id = calls.contract_id
),

customers as (
    select
        action_date,
        customer_id,
        max(known_date) as usage_known_date,
        max(last_usage_date) as last_usage_date,
        min(case when is_silent and product_family <> 'fixed_voice' then start_date end) as line_silent_since_date,
        min(case when is_silent and product_family = 'fixed_voice' then start_date end) as phone_silent_since_date,
        max({{ ratio('bytes_of_month', 'data_cap_gb * 1e9') }}) as cap_share,
        max(case when product_family = 'internet' then 1 else 0 end) = 1 as has_internet,
        max(case when product_family in ('internet', 'mobile') then 1 else 0 end) = 1 as has_data_line,
        max(case when is_traffic_told then 1 else 0 end) = 1 as is_traffic_told,
        {{ ratio(
            'sum(case when is_compared then bytes_recent end) * ' ~ before,
            'sum(case when is_compared then bytes_before end) * ' ~ recent
        ) }} as traffic_change,
        {{ ratio(
            'sum(case when is_compared_by_calls then events_recent end) * ' ~ before,
            'sum(case when is_compared_by_calls then events_before end) * ' ~ recent
        ) }} as call_change,
        {{ ratio('sum(case when is_compared then bytes_before end) * 30', '1e9 * ' ~ before) }}
            as usage_gb_month_before,
        {{ ratio('sum(case when is_compared_by_calls then events_before end) * 30', before) }} as calls_month_before
    from contracts
    group by action_date, customer_id
)

select
    action_date,
    customer_id,
    usage_known_date,
    least(last_usage_date, usage_known_date) as last_usage_date,
    -- A fixed phone next to another line is often never used.
    case when has_data_line then line_silent_since_date else least(line_silent_since_date, phone_silent_since_date) end
        as silent_since_date,
    cap_share,
    case
        when has_internet then traffic_change
        when is_traffic_told then greatest(traffic_change, call_change)
    end as usage_change,
    usage_gb_month_before,
    case when not has_internet and is_traffic_told then calls_month_before end as calls_month_before
from customers
