with versions as (
    select * from {{ ref('published_versions') }}
    where previous_version_id is not null
),

memberships as (
    {{ scheme_memberships(ref('customer_segments'), ['version_id', 'customer_id']) }}
),

-- Fixed deciles are comparable as long as both versions use the same reference cut-offs.
cut_by as (
    select distinct version_id, reference_version_id
    from {{ source('segments', 'value_cutoffs') }}
),

recut_versions as (
    select versions.version_id
    from versions
    inner join cut_by
        on versions.version_id = cut_by.version_id
    inner join cut_by as cut_by_before
        on versions.previous_version_id = cut_by_before.version_id
    where cut_by.reference_version_id <> cut_by_before.reference_version_id
),

memberships_now as (
    select
        versions.version_id,
        memberships.customer_id,
        memberships.scheme,
        memberships.segment
    from versions
    inner join memberships
        on versions.version_id = memberships.version_id
),

memberships_before as (
    select
        versions.version_id,
        memberships.customer_id,
        memberships.scheme,
        memberships.segment
    from versions
    inner join memberships
        on versions.previous_version_id = memberships.version_id
),

moves as (
    select
        version_id,
        scheme,
        memberships_before.segment as from_segment,
        memberships_now.segment as to_segment,
        count(*) as customers
    from memberships_now
    full outer join memberships_before using (version_id, customer_id, scheme)
    group by version_id, scheme, memberships_before.segment, memberships_now.segment
)

select
    versions.version_id,
    versions.as_of_date,
    moves.scheme,
    moves.from_segment,
    moves.to_segment,
    moves.customers
from moves
inner join versions
    on moves.version_id = versions.version_id
left join recut_versions
    on moves.version_id = recut_versions.version_id
where
    (moves.from_segment is not null or moves.to_segment is not null)
    and (moves.scheme <> 'value_decile_fixed' or recut_versions.version_id is null)
