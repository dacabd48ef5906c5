select
    segments.version_id,
    segments.as_of_date,
    segments.source_system,
    segments.retention_market,
    segments.market_segment,
    segments.month_end_date,
    segments.customers_at_risk,
    segments.customers_churned,
    segments.is_observed
from {{ source('segments', 'endings_by_month') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
