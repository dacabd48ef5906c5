{{ config(
    materialized='view',
    database='workspace',
    schema='intermediate',
    persist_docs={'relation': true, 'columns': false}
) }}

-- A customer that crosses a threshold back and forth must not change stage each time: the rules also see the lowest
-- usage trend and the highest churn probability of the three months before, and whether service was suspended in the
-- month before. Their result is then held for some months by customer_lifecycle.
with versions as (
    select
        as_of_date,
        version_id,
        is_candidate,
        {{ month_number('as_of_date') }} as month_number
    from {{ ref('versions_in_force') }}
),

candidates as (
    select * from versions
    where is_candidate
),

measures as (
    select
        versions.month_number,
        versions.version_id,
        features.customer_id,
        features.usage_trend,
        features.is_open and features.suspended_contracts = features.open_contracts as is_suspended,
        customer_values.churn_probability_3m
    from versions
    inner join {{ ref('customer_features') }} as features
        on versions.as_of_date = features.as_of_date
    left join {{ source('segments', 'customer_value') }} as customer_values
        on
            features.customer_id = customer_values.customer_id
            and versions.version_id = customer_values.version_id
    where versions.month_number >= (select min(candidates.month_number) - 3 from candidates)
),

three_months_before as (
    select
        candidates.version_id,
        measures.customer_id,
        min(measures.usage_trend) as lowest_usage_trend_before,
        max(
            case when candidates.month_number - 1 = measures.month_number then measures.usage_trend end
        ) as usage_trend_1m_before,
        max(
            case when candidates.month_number - 1 = measures.month_number and measures.is_suspended then 1 else 0 end
        ) = 1 as was_suspended_1m_before,
        max(measures.churn_probability_3m) as highest_churn_probability_before
    from candidates
    inner join measures
        on
            candidates.month_number > measures.month_number
            and candidates.month_number - 3 <= measures.month_number
    group by candidates.version_id, measures.customer_id
),

-- Relative rank among all customers with a known churn probability, from 0 (least likely) to 1 (most likely).
ranked as (
    select
        candidates.version_id,
        customer_values.customer_id,
        percent_rank() over (
            partition by candidates.version_id
            order by customer_values.churn_probability_3m
        ) as hazard_percentile
    from candidates
    inner join {{ source('segments', 'customer_value') }} as customer_values
        on candidates.version_id = customer_values.version_id
    where customer_values.churn_probability_3m is not null
),

rule_inputs as (
    select
        candidates.version_id,
        features.*,
        service_ends.days_away,
        service_ends.churn_kind,
        ranked.hazard_percentile,
        customer_values.churn_probability_3m,
        three_months_before.usage_trend_1m_before,
        three_months_before.was_suspended_1m_before,
        three_months_before.lowest_usage_trend_before,
        three_months_before.highest_churn_probability_before
    from candidates
    inner join {{ ref('customer_features') }} as features
        on candidates.as_of_date = features.as_of_date
    left join {{ source('segments', 'customer_value') }} as customer_values
        on
            features.customer_id = customer_values.customer_id
            and candidates.version_id = customer_values.version_id
    left join three_months_before
        on
            features.customer_id = three_months_before.customer_id
            and candidates.version_id = three_months_before.version_id
    left join ranked
        on
            features.customer_id = ranked.customer_id
            and candidates.version_id = ranked.version_id
    left join {{ ref('service_ends_as_of') }} as service_ends
        on
            features.customer_id = service_ends.customer_id
            and features.as_of_date = service_ends.as_of_date
)

select
    version_id,
    as_of_date,
    customer_id,
    {{ first_rule(var('lifecycle_rules'), 'segment') }} as rule_stage,
    {{ first_rule(var('lifecycle_rules'), 'id') }} as rule_id,
    {{ first_rule(var('lifecycle_rules'), 'because') }} as reason,
    churn_kind,
    is_open
    and coalesce(
        commitment_months_left between 1 and {{ var('lifecycle')['contract_end_window_months'] | int }}, false
    ) as is_in_contract_end_window,
    -- The price rises by the discount that ends.
    is_open
    and coalesce(
        discount_months_left between 0 and {{ var('lifecycle')['price_rise_window_months'] | int }}
        and monthly_discount > 0
        and monthly_discount >= (monthly_fee - monthly_discount) * {{ var('lifecycle')['price_rise_min_share'] }},
        false
    ) as is_exposed_to_price_rise
from rule_inputs
