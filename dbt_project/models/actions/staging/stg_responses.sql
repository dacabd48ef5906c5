select
    response_id,
    customer_id,
    cast(responded_at as date) as response_date,
    offer_id,
    response,
    _load_id
from {{ source('raw', 'responses') }}
