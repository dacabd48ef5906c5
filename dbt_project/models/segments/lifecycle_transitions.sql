{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

with versions as (
    select * from {{ ref('versions_in_force') }}
),

-- A version without a predecessor in the month before has no transitions, rather than only new customers.
compared as (
    select
        candidates.version_id,
        candidates.as_of_date,
        versions_before.version_id as previous_version_id
    from versions as candidates
    inner join versions as versions_before
        on {{ month_end(add_months('candidates.as_of_date', -1)) }} = versions_before.as_of_date
    where candidates.is_candidate
),

stages as (
    select
        compared.version_id,
        lifecycle.customer_id,
        lifecycle.lifecycle_stage as to_stage
    from compared
    inner join {{ ref('customer_lifecycle') }} as lifecycle
        on compared.version_id = lifecycle.version_id
),

stages_before as (
    select
        compared.version_id,
        lifecycle.customer_id,
        lifecycle.lifecycle_stage as from_stage
    from compared
    inner join {{ ref('customer_lifecycle') }} as lifecycle
        on compared.previous_version_id = lifecycle.version_id
),

moves as (
    select
        version_id,
        stages_before.from_stage,
        stages.to_stage,
        count(*) as customers
    from stages
    full outer join stages_before using (version_id, customer_id)
    group by version_id, stages_before.from_stage, stages.to_stage
)

select
    moves.version_id,
    compared.as_of_date,
    compared.previous_version_id,
    moves.from_stage,
    moves.to_stage,
    moves.customers
from moves
inner join compared
    on moves.version_id = compared.version_id
