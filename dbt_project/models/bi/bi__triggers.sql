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
    retracted_date,
    retracted_date is not null as is_retracted
from {{ source('segments', 'triggers') }}
