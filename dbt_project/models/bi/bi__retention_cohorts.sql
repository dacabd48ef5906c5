select
    segments.version_id,
    segments.as_of_date,
    segments.retention_cohort,
    segments.pooled_from,
    segments.retention_model,
    segments.alpha,
    segments.beta,
    segments.shape,
    segments.level,
    segments.log_likelihood,
    segments.customer_months,
    segments.churned,
    segments.observed_hazard,
    segments.fitted_hazard,
    segments.first_renewal_share,
    segments.later_renewal_share
from {{ source('segments', 'retention_cohorts') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
