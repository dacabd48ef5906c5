select
    segments.version_id,
    segments.as_of_date,
    segments.population,
    segments.point,
    segments.cluster_id,
    segments.x,
    segments.y
from {{ source('segments', 'behavior_map') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
