select
    contract_id,
    date as quality_date,
    outage_minutes,
    median_latency_ms,
    packet_loss_ratio,
    truck_rolls,
    _load_id
from {{ source('raw', 'service_quality') }}
