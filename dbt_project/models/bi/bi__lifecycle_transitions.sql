with moves as (
    select
        lifecycle.version_id,
        lifecycle.as_of_date,
        lifecycle.previous_stage as from_stage,
        lifecycle.lifecycle_stage as to_stage,
        count(*) as customers
    from {{ ref('customer_lifecycle') }} as lifecycle
    inner join {{ ref('published_versions') }} as versions
        on lifecycle.version_id = versions.version_id
    group by lifecycle.version_id, lifecycle.as_of_date, lifecycle.previous_stage, lifecycle.lifecycle_stage
),

-- A version without a month before it has no transitions, rather than only new customers.
compared as (
    select
        *,
        count(from_stage) over (partition by version_id) > 0 as has_month_before
    from moves
)

select
    version_id,
    as_of_date,
    from_stage,
    to_stage,
    customers,
    {{ ratio('customers', 'sum(customers) over (partition by version_id, from_stage)') }} as share_of_from
from compared
where has_month_before
