select
    session_id,
    contract_id,
    reported_at,
    reported_date,
    started_at,
    ended_at,
    bytes_down,
    bytes_up,
    session_seconds,
    device_id,
    _load_id
from {{ source('raw', 'usage_sessions') }}
