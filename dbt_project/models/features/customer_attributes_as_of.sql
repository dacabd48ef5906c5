{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

-- The latest value of each attribute. Names that differ only in case are one attribute.
with known as (
    {{ latest_known(ref('stg_customer_attributes'), 'attribute', 'attribute_value', 'known_from_date') }}
)

select
    as_of_date,
    customer_id,
    attribute,
    attribute_value,
    {{ number_of_text('attribute_value') }} as attribute_number,
    known_from_date
from known
