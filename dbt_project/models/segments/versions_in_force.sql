{{ config(
    materialized='view',
    database='workspace',
    schema='intermediate',
    persist_docs={'relation': true, 'columns': false}
) }}

-- The version in force for a month during the run: its candidate, else the published version.
with run_scope as (
    select as_of_date, version_id
    from {{ source('ops', 'run_scope') }}
    where
        run_id = {{ run_id() }}
        and version_id is not null
)

select as_of_date, version_id, true as is_candidate
from run_scope

union all

select versions.as_of_date, versions.version_id, false as is_candidate
from {{ source('segments', 'versions') }} as versions
left join run_scope
    on versions.as_of_date = run_scope.as_of_date
where
    versions.status = 'published'
    and run_scope.as_of_date is null
