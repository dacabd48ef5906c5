select
    customer_id,
    lower(channel) as channel,
    changed_at,
    is_granted,
    _load_id
from {{ source('raw', 'consents') }}
