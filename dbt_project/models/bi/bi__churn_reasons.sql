select
    segments.version_id,
    segments.as_of_date,
    segments.customer_id,
    segments.hazard_model,
    segments.hazard_1m,
    segments.cohort_hazard_1m,
    segments.churn_reasons
from {{ source('segments', 'retention_hazards') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
