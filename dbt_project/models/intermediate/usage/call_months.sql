{{ config(materialized='table') }}

{#- In monthly data a line was last used at the end of the month, whatever day the row is dated. -#}
{%- set is_monthly = var('features')['call_granularity'] == 'month' %}

-- The weight of a call in a share: its minutes, or one if minutes are not measured.
with call_days as (
    select
        *,
        {{ month_end('call_date') }} as month_end_date,
        coalesce(call_minutes, calls) as weight,
        coalesce(calls, call_minutes, 0) + coalesce(messages, 0) as events
    from {{ ref('stg_calls') }}
)

select
    contract_id,
    month_end_date,
    cast(sum(calls) as bigint) as calls,
    cast(sum(call_minutes) as decimal(38, 4)) as call_minutes,
    cast(sum(messages) as bigint) as messages,
    cast(sum(events) as decimal(38, 4)) as events,
    {{ 'month_end_date' if is_monthly else 'min(call_date)' }} as first_call_date,
    max(case when events > 0 then {{ 'month_end_date' if is_monthly else 'call_date' }} end) as last_call_date,
    cast(sum(case when direction = 'incoming' then weight else 0 end) as decimal(38, 4)) as weight_incoming,
    cast(sum(case when direction <> 'all' then weight end) as decimal(38, 4)) as weight_with_direction,
    cast(
        sum(case when destination in ('international', 'roaming') then weight else 0 end) as decimal(38, 4)
    ) as weight_abroad,
    cast(sum(case when destination <> 'all' then weight end) as decimal(38, 4)) as weight_with_destination
from call_days
group by contract_id, month_end_date
