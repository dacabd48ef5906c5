select
    contract_id,
    usage_date,
    bytes_down,
    bytes_up,
    sessions,
    session_seconds,
    bytes_down_business_hours,
    bytes_up_business_hours,
    bytes_down_evening,
    bytes_up_evening,
    bytes_down_night,
    bytes_up_night,
    peak_mbps,
    devices,
    _load_id
from {{ source('raw', 'usage') }}
