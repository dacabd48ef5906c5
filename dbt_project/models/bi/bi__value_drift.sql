select
    segments.version_id,
    segments.as_of_date,
    segments.measure,
    segments.psi,
    segments.noise,
    segments.drift_status,
    segments.customers,
    segments.mean,
    segments.reference_customers,
    segments.reference_mean,
    segments.reference_version_id
from {{ source('segments', 'value_drift') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
