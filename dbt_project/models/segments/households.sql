{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

{%- set families = product_families() %}

with candidates as (
    select version_id
    from {{ ref('versions_in_force') }}
    where is_candidate
),

members as (
    select
        household_members.version_id,
        household_members.as_of_date,
        household_members.household_id,
        household_members.household_basis,
        household_members.customer_id,
        features.open_contracts,
        features.monthly_fee,
        {% for family in families -%}
        features.has_{{ family }},
        {% endfor -%}
        customer_values.past_value,
        customer_values.future_value,
        customer_values.total_value,
        customer_values.expected_monthly_margin,
        customer_values.expected_remaining_months,
        behavior.cluster_id,
        row_number() over (
            partition by household_members.version_id, household_members.household_id
            order by features.first_start_date asc, features.customer_id asc
        ) as member_rank
    from {{ ref('household_members') }} as household_members
    inner join candidates
        on household_members.version_id = candidates.version_id
    inner join {{ ref('customer_features') }} as features
        on
            household_members.customer_id = features.customer_id
            and household_members.as_of_date = features.as_of_date
    left join {{ source('segments', 'customer_value') }} as customer_values
        on
            household_members.customer_id = customer_values.customer_id
            and household_members.version_id = customer_values.version_id
    left join {{ source('segments', 'customer_behavior') }} as behavior
        on
            household_members.customer_id = behavior.customer_id
            and household_members.version_id = behavior.version_id
),

totals as (
    select
        version_id,
        as_of_date,
        household_id,
        -- A member without an identifier may have joined members that have one.
        case
            when max(case when household_basis = 'given' then 1 else 0 end) = 1 then 'given' else max(household_basis)
        end as household_basis,
        max(case when member_rank = 1 then customer_id end) as first_customer_id,
        count(*) as members,
        sum(open_contracts) as open_contracts,
        sum(monthly_fee) as monthly_fee,
        {% for family in families -%}
        max(case when has_{{ family }} then 1 else 0 end) as has_{{ family }},
        {% endfor -%}
        sum(coalesce(past_value, 0)) as past_value,
        sum(coalesce(future_value, 0)) as future_value,
        sum(coalesce(total_value, 0)) as total_value,
        sum(coalesce(expected_monthly_margin, 0)) as expected_monthly_margin,
        max(expected_remaining_months) as expected_remaining_months,
        max(case when member_rank = 1 then cluster_id end) as cluster_id
    from members
    group by version_id, as_of_date, household_id
)

select
    version_id,
    as_of_date,
    household_id,
    household_basis,
    first_customer_id,
    cast(members as integer) as members,
    cast(open_contracts as integer) as open_contracts,
    {% for family in families -%}
    has_{{ family }} = 1 as has_{{ family }},
    {% endfor -%}
    cast({% for family in families %}has_{{ family }}{{ ' + ' if not loop.last }}{% endfor %} as integer) as product_families, -- noqa: LT02, LT05
    cast(monthly_fee as decimal(18, 4)) as monthly_fee,
    cast(past_value as decimal(18, 2)) as past_value,
    cast(future_value as decimal(18, 2)) as future_value,
    cast(total_value as decimal(18, 2)) as total_value,
    cast(expected_monthly_margin as decimal(18, 2)) as expected_monthly_margin,
    expected_remaining_months,
    cluster_id
from totals
