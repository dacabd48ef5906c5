{{ config(materialized='view', schema='intermediate', persist_docs={'relation': true, 'columns': false}) }}

with published as (
    select
        version_id,
        as_of_date,
        previous_version_id
    from {{ source('segments', 'versions') }}
    where status = 'published'
),

latest as (
    select max(as_of_date) as as_of_date
    from published
)

select
    published.version_id,
    published.as_of_date,
    published.previous_version_id,
    published.as_of_date = latest.as_of_date as is_current
from published
cross join latest
