select
    segments.version_id,
    segments.as_of_date,
    segments.retention_cohort,
    segments.tenure_months,
    segments.customers_at_risk,
    segments.customers_churned,
    segments.observed_hazard,
    segments.observed_survival,
    segments.fitted_hazard,
    segments.fitted_survival
from {{ source('segments', 'retention_curves') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
