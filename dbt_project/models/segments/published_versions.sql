{{ config(materialized='view', schema='intermediate', persist_docs={'relation': true, 'columns': false}) }}

with published as (
    select
        version_id,
        as_of_date,
        previous_version_id
    from {{ source('segments', 'versions') }}
    where status = 'published'
)

select
    version_id,
    as_of_date,
    previous_version_id,
    as_of_date = (select max(as_of_date) from published) as is_current
from published
