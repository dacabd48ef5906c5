select
    interaction_id,
    customer_id,
    occurred_at,
    channel,
    category,
    resolved_at,
    satisfaction_score,
    severity,
    _load_id
from {{ source('raw', 'interactions') }}
