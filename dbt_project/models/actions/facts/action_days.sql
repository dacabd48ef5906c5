-- The days of the run with the version in force on each: the latest published month that had ended by then.
with days as (
    select action_date
    from {{ source('ops', 'action_days') }}
    where run_id = {{ run_id() }}
),

published as (
    select
        days.action_date,
        versions.version_id,
        versions.as_of_date,
        versions.previous_version_id,
        row_number() over (partition by days.action_date order by versions.as_of_date desc) as recency
    from days
    inner join {{ source('segments', 'versions') }} as versions
        on days.action_date >= versions.as_of_date
    where versions.status = 'published'
)

select
    days.action_date,
    published.version_id,
    published.as_of_date,
    published.previous_version_id
from days
left join published
    on
        days.action_date = published.action_date
        and published.recency = 1
