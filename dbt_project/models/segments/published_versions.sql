{{ config(materialized='view', schema='intermediate', persist_docs={'relation': true, 'columns': false}) }}

with published as (
    select
        version_id,
        as_of_date,
        previous_version_id,
        max(as_of_date) over () as latest_as_of_date
    from {{ source('segments', 'versions') }}
    where status = 'published'
)

select
    version_id,
    as_of_date,
    previous_version_id,
    as_of_date = latest_as_of_date as is_current
from published
