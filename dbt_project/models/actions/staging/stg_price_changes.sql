select
    contract_id,
    effective_date,
    announced_date,
    new_monthly_fee,
    _load_id
from {{ source('raw', 'price_changes') }}
