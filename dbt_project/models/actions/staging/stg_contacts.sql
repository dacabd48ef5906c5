select
    contact_id,
    customer_id,
    contacted_at,
    cast(contacted_at as date) as contact_date,
    lower(channel) as channel,
    action_id,
    opened_at,
    cost,
    _load_id
from {{ source('raw', 'contacts') }}
