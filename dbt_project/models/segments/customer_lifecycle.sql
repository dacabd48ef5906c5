{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

with candidates as (
    select as_of_date, version_id
    from {{ ref('versions_in_force') }}
    where is_candidate
),

{% if is_incremental() %}
-- The months before the run's that the run does not build itself.
months_before as (
    select distinct
        versions.version_id,
        versions.as_of_date
    from {{ ref('versions_in_force') }} as versions
    inner join candidates
        on
            candidates.as_of_date > versions.as_of_date
            and {{ months_between('versions.as_of_date', 'candidates.as_of_date') }} <= {{ months_of_stage_history() }}
    where not versions.is_candidate
),
{% endif %}

stages as (
    select
        version_id,
        as_of_date,
        customer_id,
        rule_stage,
        cast(null as varchar) as known_stage,
        rule_id,
        reason,
        churn_kind,
        is_in_contract_end_window,
        is_exposed_to_price_rise,
        true as is_new,
        as_of_date as stage_known_since_date
    from {{ ref('lifecycle_stages_as_of') }}

    {% if is_incremental() %}
    union all

    select
        lifecycle.version_id,
        lifecycle.as_of_date,
        lifecycle.customer_id,
        coalesce(lifecycle.rule_stage, lifecycle.lifecycle_stage) as rule_stage,
        lifecycle.lifecycle_stage as known_stage,
        lifecycle.rule_id,
        lifecycle.reason,
        cast(null as varchar) as churn_kind,
        lifecycle.is_in_contract_end_window,
        cast(null as boolean) as is_exposed_to_price_rise,
        false as is_new,
        lifecycle.stage_since_date as stage_known_since_date
    from {{ this }} as lifecycle
    inner join months_before
        on lifecycle.version_id = months_before.version_id
    {% endif %}
),

last_given as (
    select
        {% for each in var('held_months') -%}
        max(case when rule_stage = {{ text_literal(each['stage']) }} then as_of_date end) over (
            partition by customer_id order by as_of_date
            rows between unbounded preceding and current row
        ) as last_{{ each['stage'] }}_date,
        {% endfor -%}
        max(case when rule_stage not in ({{ yielding_stages() }}) then as_of_date end) over (
            partition by customer_id order by as_of_date
            rows between unbounded preceding and current row
        ) as last_fact_date,
        *
    from stages
),

held as (
    select
        *,
        {{ held_stage('rule_stage', 'as_of_date') }} as held_stage
    from last_given
),

decided as (
    select
        *,
        coalesce(known_stage, held_stage, rule_stage) as lifecycle_stage
    from held
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
    from decided
),

since as (
    select
        *,
        -- The latest month in which the stage began, or since when it is known from the month before the run.
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
    case when lifecycle_stage = rule_stage then rule_id else 'held' end as rule_id,
    case
        when lifecycle_stage = rule_stage then reason
        else 'Was so in the months before; kept until it has been otherwise for long enough.'
    end as reason,
    rule_stage,
    previous_stage,
    stage_since_date,
    {{ months_between('stage_since_date', 'as_of_date') }} + 1 as months_in_stage,
    case when lifecycle_stage = 'churned' then churn_kind end as churn_kind,
    is_in_contract_end_window,
    is_exposed_to_price_rise
from since
where is_new
