{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

-- The latest value of each attribute. Names that differ in case alone are one attribute: of two of the same day the
-- value that sorts last.
with known as (
    select
        months.month_end_date as as_of_date,
        attributes.customer_id,
        attributes.attribute,
        attributes.attribute_value,
        attributes.known_from_date,
        row_number() over (
            partition by months.month_end_date, attributes.customer_id, attributes.attribute
            order by attributes.known_from_date desc, attributes.attribute_value desc
        ) as recency
    from {{ ref('months') }} as months
    inner join {{ ref('stg_customer_attributes') }} as attributes
        on months.month_end_date >= attributes.known_from_date
    where months.is_run_month
)

select
    as_of_date,
    customer_id,
    attribute,
    attribute_value,
    {{ number_of_text('attribute_value') }} as attribute_number,
    known_from_date
from known
where
    recency = 1
    and attribute_value is not null
