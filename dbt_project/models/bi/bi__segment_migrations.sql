with versions as (
    select * from {{ ref('published_versions') }}
    where previous_version_id is not null
),

memberships as (
    {{ scheme_memberships(ref('customer_segments'), ['version_id', 'customer_id']) }}
)

select
    versions.version_id,
    versions.as_of_date,
    memberships.scheme,
    memberships_before.segment as from_segment,
    memberships.segment as to_segment,
    count(*) as customers
from versions
inner join memberships
    on versions.version_id = memberships.version_id
left join memberships as memberships_before
    on
        versions.previous_version_id = memberships_before.version_id
        and memberships.customer_id = memberships_before.customer_id
        and memberships.scheme = memberships_before.scheme
where
    memberships.segment is not null
    or memberships_before.segment is not null
group by
    versions.version_id,
    versions.as_of_date,
    memberships.scheme,
    memberships_before.segment,
    memberships.segment
