select
    companies.version_id,
    companies.as_of_date,
    companies.customer_id,
    segments.market_segment,
    segments.lifecycle_stage,
    companies.employees,
    companies.sites,
    companies.open_contracts,
    companies.needs_status,
    companies.cluster_id,
    companies.cluster_name,
    companies.cluster_reasons,
    companies.monthly_margin,
    companies.headroom,
    companies.headroom_products,
    companies.resold_share,
    companies.reseller_exposure,
    companies.families_elsewhere,
    companies.recommended_route,
    companies.route_cost,
    companies.route_value,
    companies.runner_up_route,
    companies.route_reason,
    segments.monthly_fee,
    segments.total_value,
    segments.churn_probability_12m
from {{ source('segments', 'b2b_mid_band') }} as companies
inner join {{ ref('customer_segments') }} as segments
    on
        companies.version_id = segments.version_id
        and companies.customer_id = segments.customer_id
inner join {{ ref('published_versions') }} as versions
    on companies.version_id = versions.version_id
