{%- set minimum = var('minimum_cell_size') | int -%}

with members as (
    select segments.*
    from {{ ref('customer_segments') }} as segments
    inner join {{ ref('published_versions') }} as versions
        on segments.version_id = versions.version_id
),

memberships as (
    {{ scheme_memberships('members', ['version_id', 'as_of_date', 'customer_id']) }}
),

pairs as (
    select
        memberships.version_id,
        memberships.as_of_date,
        memberships.scheme,
        memberships.segment,
        others.scheme as other_scheme,
        others.segment as other_segment,
        count(*) as customers
    from memberships
    inner join memberships as others
        on
            memberships.version_id = others.version_id
            and memberships.customer_id = others.customer_id
            and memberships.scheme <> others.scheme
    where
        memberships.segment is not null
        and others.segment is not null
    group by
        memberships.version_id,
        memberships.as_of_date,
        memberships.scheme,
        memberships.segment,
        others.scheme,
        others.segment
),

-- Of the customers that both schemes divide.
compared as (
    select
        *,
        sum(customers) over (partition by version_id, scheme, segment, other_scheme) as in_segment,
        sum(customers) over (partition by version_id, scheme, other_scheme, other_segment) as in_other,
        sum(customers) over (partition by version_id, scheme, other_scheme) as in_both
    from pairs
)

-- Small cells are kept as rows without numbers: what is held back is seen to be held back.
select
    version_id,
    as_of_date,
    scheme,
    segment,
    other_scheme,
    other_segment,
    case when customers >= {{ minimum }} then customers end as customers,
    case when customers >= {{ minimum }} then {{ ratio('customers', 'in_segment') }} end as share,
    case
        when customers >= {{ minimum }}
            then {{ ratio(ratio('customers', 'in_segment'), ratio('in_other', 'in_both')) }}
    end as lift
from compared
