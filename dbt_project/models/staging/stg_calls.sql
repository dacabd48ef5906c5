select
    contract_id,
    call_date,
    direction,
    destination,
    calls,
    call_minutes,
    messages,
    _load_id
from {{ source('raw', 'calls') }}
