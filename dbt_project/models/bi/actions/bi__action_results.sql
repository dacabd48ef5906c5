with readings as (
    select
        *,
        max(action_date) over () as last_action_date
    from {{ source('segments', 'action_results') }}
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
    action_date = last_action_date as is_latest
from readings
