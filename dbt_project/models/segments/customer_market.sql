{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

select
    versions.version_id,
    versions.as_of_date,
    market.customer_id,
    market.market_segment,
    market.rule_id,
    market.reason,
    market.is_override,
    market.confidence,
    market.evidence,
    market.conflicts,
    market.size_segment,
    market.group_id,
    cast(market.group_members as bigint) as group_members,
    cast(market.group_employee_count as bigint) as group_employee_count,
    cast(market.group_annual_revenue as decimal(28, 4)) as group_annual_revenue,
    demographics.age_band,
    demographics.region,
    demographics.country,
    demographics.household_type,
    market.population
from {{ ref('market_segments_as_of') }} as market
inner join {{ ref('versions_in_force') }} as versions
    on
        market.as_of_date = versions.as_of_date
        and versions.is_candidate
left join {{ ref('demographics_as_of') }} as demographics
    on
        market.customer_id = demographics.customer_id
        and market.as_of_date = demographics.as_of_date
