-- A period ends with the published version that shows another segment or no longer has the customer.
with memberships as (
    {{ scheme_memberships(ref('bi__customer_segment_history'), ['customer_id', 'as_of_date']) }}
),

versions as (
    select
        as_of_date,
        lag(as_of_date) over (order by as_of_date) as previous_as_of_date,
        lead(as_of_date) over (order by as_of_date) as next_as_of_date
    from {{ ref('published_versions') }}
),

followed as (
    select
        memberships.customer_id,
        memberships.scheme,
        memberships.segment,
        memberships.as_of_date,
        versions.previous_as_of_date,
        versions.next_as_of_date,
        lag(memberships.as_of_date) over (
            partition by memberships.customer_id, memberships.scheme order by memberships.as_of_date
        ) as last_seen_date,
        lag(memberships.segment) over (
            partition by memberships.customer_id, memberships.scheme order by memberships.as_of_date
        ) as last_segment
    from memberships
    inner join versions
        on memberships.as_of_date = versions.as_of_date
),

numbered as (
    select
        customer_id,
        scheme,
        segment,
        as_of_date,
        next_as_of_date,
        sum(case when last_seen_date = previous_as_of_date and last_segment = segment then 0 else 1 end) over (
            partition by customer_id, scheme order by as_of_date rows between unbounded preceding and current row
        ) as period_number
    from followed
)

select
    customer_id,
    scheme,
    segment,
    min(as_of_date) as valid_from,
    -- The version after the last one of the period, if there is one.
    case when count(next_as_of_date) = count(*) then max(next_as_of_date) end as valid_to,
    cast(count(*) as integer) as versions
from numbered
where segment is not null
group by customer_id, scheme, segment, period_number
