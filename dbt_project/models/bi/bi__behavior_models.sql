select
    segments.version_id,
    segments.as_of_date,
    segments.population,
    segments.model_id,
    segments.decision,
    segments.reason,
    segments.fitted_version_id,
    segments.fitted_as_of_date,
    segments.challenged_as_of_date,
    segments.window_months,
    segments.fitted_customers,
    segments.basis,
    segments.clusters,
    segments.features,
    segments.parameters,
    segments.sha256,
    segments.drift_status,
    segments.drift_feature,
    segments.drift_psi,
    segments.challenger_agreement
from {{ source('segments', 'behavior_models') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
