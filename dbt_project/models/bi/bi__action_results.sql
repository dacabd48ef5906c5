with readings as (
    select * from {{ source('segments', 'action_results') }}
),

latest as (
    select max(action_date) as action_date
    from readings
)

select
    readings.action_date,
    readings.offer_id,
    readings.market_segment,
    readings.period,
    readings.eligible,
    readings.treated,
    readings.contacted,
    readings.opened,
    readings.accepted,
    readings.active,
    readings.control,
    readings.control_accepted,
    readings.uptake,
    readings.control_uptake,
    readings.uplift,
    readings.uplift_low,
    readings.uplift_high,
    readings.uplift_always_low,
    readings.uplift_always_high,
    readings.gain,
    readings.gain_low,
    readings.gain_high,
    readings.sample_needed,
    readings.verdict,
    readings.finding,
    readings.action_date = latest.action_date as is_latest
from readings
cross join latest
