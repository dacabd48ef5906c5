select
    customer_id,
    lower(trim(tag)) as tag,
    tag_value,
    valid_from_date,
    recorded_by,
    _load_id
from {{ source('raw', 'account_knowledge') }}
