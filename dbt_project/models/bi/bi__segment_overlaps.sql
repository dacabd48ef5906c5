{%- set minimum = var('minimum_cell_size') | int -%}
{%- set pair = ['version_id', 'scheme', 'other_scheme'] -%}
{%- set cell = pair + ['segment', 'other_segment', 'customers', 'is_alone'] -%}

with recursive members as (
    select segments.*
    from {{ ref('customer_segments') }} as segments
    inner join {{ ref('published_versions') }} as versions
        on segments.version_id = versions.version_id
),

memberships as (
    {{ scheme_memberships('members', ['version_id', 'as_of_date', 'customer_id']) }}
),

-- Each pair of schemes once, so that suppression does not depend on which of the two is asked for first.
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
            and memberships.scheme < others.scheme
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

-- Customers in a segment of both schemes. A cell alone in its row or column is revealed by the segment's total.
cells as (
    select
        *,
        sum(customers) over of_segment as in_segment,
        sum(customers) over of_other as in_other,
        sum(customers) over of_pair as in_both,
        count(*) over of_segment = 1 or count(*) over of_other = 1 as is_alone
    from pairs
    window
        of_segment as (partition by version_id, scheme, segment, other_scheme),
        of_other as (partition by version_id, scheme, other_scheme, other_segment),
        of_pair as (partition by {{ pair | join(', ') }})
),

-- The totals of both schemes are published: a suppressed cell needs others suppressed in its row, these need others in
-- their columns, and so on, rows and columns in turn, until neither adds any.
turns as (
    select
        {{ cell | join(', ') }},
        0 as turn,
        customers < {{ minimum }} as is_held_back,
        0 as turns_without_change
    from cells

    union all

    select
        {{ cell | join(', ') }},
        turn,
        is_held_back,
        case
            when sum(is_new) over (partition by {{ pair | join(', ') }}) > 0 then 0
            else turns_without_change + 1
        end as turns_without_change
    from (
        select
            *,
            case when is_held_back and not was_held_back then 1 else 0 end as is_new
        from (
            select
                {{ cell | join(', ') }},
                turn + 1 as turn,
                turns_without_change,
                is_held_back as was_held_back,
                {{ is_held_back_too(
                    'customers',
                    'is_held_back',
                    'is_alone',
                    pair + ['case when turn % 2 = 0 then segment else other_segment end'],
                    ['segment', 'other_segment']
                ) }} as is_held_back
            from turns
            where turns_without_change < 2
        ) as judged
    ) as compared
),

-- Small cells are kept as rows without numbers, so that the suppression is visible.
shown as (
    select
        cells.version_id,
        cells.as_of_date,
        cells.scheme,
        cells.segment,
        cells.other_scheme,
        cells.other_segment,
        case when not turns.is_held_back then cells.customers end as customers,
        cells.in_segment,
        cells.in_other,
        cells.in_both
    from cells
    inner join turns
        on
            cells.version_id = turns.version_id
            and cells.scheme = turns.scheme
            and cells.segment = turns.segment
            and cells.other_scheme = turns.other_scheme
            and cells.other_segment = turns.other_segment
    where turns.turns_without_change = 2
)

select
    version_id,
    as_of_date,
    scheme,
    segment,
    other_scheme,
    other_segment,
    customers,
    {{ ratio('customers', 'in_segment') }} as share,
    {{ ratio(ratio('customers', 'in_segment'), ratio('in_other', 'in_both')) }} as lift
from shown

union all

select
    version_id,
    as_of_date,
    other_scheme as scheme,
    other_segment as segment,
    scheme as other_scheme,
    segment as other_segment,
    customers,
    {{ ratio('customers', 'in_other') }} as share,
    {{ ratio(ratio('customers', 'in_other'), ratio('in_segment', 'in_both')) }} as lift
from shown
