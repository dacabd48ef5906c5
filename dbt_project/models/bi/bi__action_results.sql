with readings as (
    select * from {{ source('segments', 'action_results') }}
)

select
    action_date,
    offer_id,
    market_segment,
    period,
    eligible,
    treated,
    contacted,
    opened,
    accepted,
    active,
    control,
    control_accepted,
    uptake,
    control_uptake,
    uplift,
    uplift_low,
    uplift_high,
    uplift_always_low,
    uplift_always_high,
    gain,
    gain_low,
    gain_high,
    sample_needed,
    verdict,
    finding,
    action_date = (select max(action_date) from readings) as is_latest
from readings
