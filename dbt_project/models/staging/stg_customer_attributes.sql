select
    customer_id,
    lower(trim(attribute)) as attribute,
    trim(attribute_value) as attribute_value,
    known_from_date,
    _load_id
from {{ source('raw', 'customer_attributes') }}
