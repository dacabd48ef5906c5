select
    opportunities.version_id,
    opportunities.as_of_date,
    opportunities.household_id,
    opportunities.first_customer_id,
    households.household_basis,
    households.members,
    households.open_contracts,
    households.product_families,
    households.monthly_fee,
    households.total_value,
    opportunities.product_family,
    opportunities.similar_households,
    opportunities.similar_share,
    opportunities.uptake,
    opportunities.monthly_margin,
    opportunities.expected_life_months,
    opportunities.expected_value,
    opportunities.offer_rank
from {{ ref('household_opportunities') }} as opportunities
inner join {{ ref('households') }} as households
    on
        opportunities.version_id = households.version_id
        and opportunities.household_id = households.household_id
inner join {{ ref('published_versions') }} as versions
    on opportunities.version_id = versions.version_id
