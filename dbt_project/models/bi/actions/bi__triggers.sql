select
    trigger_event_id,
    customer_id,
    trigger_id,
    period,
    trigger_date,
    expires_date,
    found_date,
    version_id,
    priority,
    reason,
    taken_back_date,
    taken_back_date is null as stands
from {{ source('segments', 'triggers') }}
