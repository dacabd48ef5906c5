-- What has changed between the version of the month before and the version in force. A customer missing from the former
-- has not changed. Customers have joined a household if others already live there, and left one if others stay: a new
-- identifier of the same members is the same household.
with versions as (
    select
        action_date,
        version_id,
        as_of_date,
        previous_version_id
    from {{ ref('action_days') }}
    where previous_version_id is not null
),

customers as (
    select
        versions.action_date,
        versions.as_of_date,
        now.customer_id,
        now.household_id,
        now.home_business,
        before.household_id as household_before,
        before.home_business as home_business_before,
        count(*) over (partition by versions.action_date, now.household_id) as members,
        count(*) over (partition by versions.action_date, before.household_id) as members_before,
        count(*) over (partition by versions.action_date, now.household_id, before.household_id) as members_of_both
    from versions
    inner join {{ ref('customer_segments') }} as now
        on versions.version_id = now.version_id
    inner join {{ ref('customer_segments') }} as before
        on
            versions.previous_version_id = before.version_id
            and now.customer_id = before.customer_id
    where now.is_open
)

select
    action_date,
    customer_id,
    case
        when
            household_id is not null
            and coalesce(household_id <> household_before, true)
            and members > members_of_both
            then as_of_date
    end as household_joined_date,
    case
        when
            household_before is not null
            and coalesce(household_id <> household_before, true)
            and members_before > members_of_both
            then as_of_date
    end as household_left_date,
    case
        when home_business = 'nanobusiness' and coalesce(home_business_before <> 'nanobusiness', true)
            then as_of_date
    end as nanobusiness_since_date
from customers
