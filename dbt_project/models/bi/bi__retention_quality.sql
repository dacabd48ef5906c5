select
    segments.version_id,
    segments.as_of_date,
    segments.hazard_model,
    segments.measure,
    segments.part,
    segments.value,
    segments.customer_months,
    segments.first_month_number,
    segments.last_month_number,
    segments.is_used,
    segments.decision
from {{ source('segments', 'retention_quality') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
