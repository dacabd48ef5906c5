select
    segments.version_id,
    segments.as_of_date,
    segments.retention_market,
    segments.attribute,
    segments.attribute_value,
    segments.recorded_from,
    segments.endings_before,
    segments.expected_before,
    segments.evidence
from {{ source('segments', 'recorded_attributes') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
