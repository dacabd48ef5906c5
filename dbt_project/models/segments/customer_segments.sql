{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

with candidates as (
    select as_of_date, version_id
    from {{ ref('versions_in_force') }}
    where is_candidate
)

select
    candidates.version_id,
    candidates.as_of_date,
    features.customer_id,
    features.customer_type,
    features.population,
    market.market_segment,
    market.rule_id as market_rule_id,
    market.reason as market_reason,
    market.confidence as market_confidence,
    market.conflicts as market_conflicts,
    market.size_segment,
    market.group_id,
    market.age_band,
    market.region,
    market.household_type,
    lifecycle.lifecycle_stage,
    lifecycle.rule_id as lifecycle_rule_id,
    lifecycle.reason as lifecycle_reason,
    lifecycle.previous_stage as previous_lifecycle_stage,
    lifecycle.stage_since_date as lifecycle_stage_since_date,
    lifecycle.months_in_stage as lifecycle_months_in_stage,
    lifecycle.churn_kind,
    lifecycle.is_in_contract_end_window,
    lifecycle.is_exposed_to_price_rise,
    customer_values.value_decile,
    customer_values.value_decile_in_market,
    customer_values.value_percentile,
    customer_values.value_permille,
    customer_values.value_share_decile,
    customer_values.value_decile_fixed,
    customer_values.is_ranked,
    customer_values.past_value,
    customer_values.future_value,
    customer_values.future_value_36m,
    customer_values.future_value_low,
    customer_values.future_value_high,
    customer_values.total_value,
    customer_values.ranked_value,
    customer_values.expected_monthly_margin,
    customer_values.churn_probability_3m,
    customer_values.churn_probability_12m,
    customer_values.expected_remaining_months,
    behavior.behavior_status,
    behavior.cluster_id,
    behavior.cluster_name,
    members.household_id,
    households.members as household_members,
    home.home_business,
    home.nanobusiness_probability,
    home.home_worker_probability,
    companies.cluster_id as needs_cluster_id,
    companies.cluster_name as needs_cluster_name,
    companies.headroom as b2b_headroom,
    companies.reseller_exposure,
    companies.recommended_route,
    features.is_open,
    features.first_start_date,
    features.tenure_months,
    features.service_end_date,
    features.open_contracts,
    features.product_families,
    features.monthly_fee,
    features.monthly_discount,
    features.commitment_months_left,
    features.net_revenue_12m,
    features.margin_12m,
    features.gb_month_3m,
    features.upload_share_3m,
    features.late_share_12m,
    features.overdue_amount,
    features.contacts_3m
from candidates
inner join {{ ref('customer_features') }} as features
    on candidates.as_of_date = features.as_of_date
inner join {{ ref('customer_market') }} as market
    on
        features.customer_id = market.customer_id
        and candidates.version_id = market.version_id
inner join {{ ref('customer_lifecycle') }} as lifecycle
    on
        features.customer_id = lifecycle.customer_id
        and candidates.version_id = lifecycle.version_id
left join {{ source('segments', 'customer_value') }} as customer_values
    on
        features.customer_id = customer_values.customer_id
        and candidates.version_id = customer_values.version_id
left join {{ source('segments', 'customer_behavior') }} as behavior
    on
        features.customer_id = behavior.customer_id
        and candidates.version_id = behavior.version_id
left join {{ ref('household_members') }} as members
    on
        features.customer_id = members.customer_id
        and candidates.version_id = members.version_id
left join {{ ref('households') }} as households
    on
        members.household_id = households.household_id
        and members.version_id = households.version_id
left join {{ source('segments', 'home_business') }} as home
    on
        features.customer_id = home.customer_id
        and candidates.version_id = home.version_id
left join {{ source('segments', 'b2b_mid_band') }} as companies
    on
        features.customer_id = companies.customer_id
        and candidates.version_id = companies.version_id
