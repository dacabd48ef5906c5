{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

with candidates as (
    select as_of_date, version_id
    from {{ ref('versions_in_force') }}
    where is_candidate
),

{% if is_incremental() %}
-- The stages of the month before each month of the run, where the run does not build that one too.
months_before as (
    select
        versions.version_id,
        versions.as_of_date
    from {{ ref('versions_in_force') }} as versions
    inner join candidates
        on versions.as_of_date = {{ month_end(add_months('candidates.as_of_date', -1)) }}
    where not versions.is_candidate
),
{% endif %}

stages as (
    select
        version_id,
        as_of_date,
        customer_id,
        lifecycle_stage,
        rule_id,
        reason,
        is_in_contract_end_window,
        true as is_new,
        as_of_date as stage_known_since_date
    from {{ ref('lifecycle_stages_as_of') }}

    {% if is_incremental() %}
    union all

    select
        lifecycle.version_id,
        lifecycle.as_of_date,
        lifecycle.customer_id,
        lifecycle.lifecycle_stage,
        lifecycle.rule_id,
        lifecycle.reason,
        lifecycle.is_in_contract_end_window,
        false as is_new,
        lifecycle.stage_since_date as stage_known_since_date
    from {{ this }} as lifecycle
    inner join months_before
        on lifecycle.version_id = months_before.version_id
    {% endif %}
),

previous as (
    select
        *,
        case
            when
                lag(as_of_date) over (partition by customer_id order by as_of_date)
                = {{ month_end(add_months('as_of_date', -1)) }}
                then lag(lifecycle_stage) over (partition by customer_id order by as_of_date)
        end as previous_stage
    from stages
),

since as (
    select
        *,
        -- The latest month in which the stage began, or was taken over from the month before the run.
        max(
            case when previous_stage is null or previous_stage <> lifecycle_stage then stage_known_since_date end
        ) over (
            partition by customer_id order by as_of_date
            rows between unbounded preceding and current row
        ) as stage_since_date
    from previous
)

select
    version_id,
    as_of_date,
    customer_id,
    lifecycle_stage,
    rule_id,
    reason,
    previous_stage,
    stage_since_date,
    is_in_contract_end_window
from since
where is_new
