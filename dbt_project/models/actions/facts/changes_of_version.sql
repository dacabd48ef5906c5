-- What has changed between the version of the month before and the version in force. A customer missing from the former
-- has not changed.
with versions as (
    select
        action_date,
        version_id,
        as_of_date,
        previous_version_id
    from {{ ref('action_days') }}
    where previous_version_id is not null
)

select
    versions.action_date,
    now.customer_id,
    case
        when now.household_id is not null and coalesce(now.household_id <> before.household_id, true)
            then versions.as_of_date
    end as household_joined_date,
    case
        when before.household_id is not null and coalesce(now.household_id <> before.household_id, true)
            then versions.as_of_date
    end as household_left_date,
    case
        when now.home_business = 'nanobusiness' and coalesce(before.home_business <> 'nanobusiness', true)
            then versions.as_of_date
    end as nanobusiness_since_date
from versions
inner join {{ ref('customer_segments') }} as now
    on versions.version_id = now.version_id
inner join {{ ref('customer_segments') }} as before
    on
        versions.previous_version_id = before.version_id
        and now.customer_id = before.customer_id
where now.is_open
