select
    segments.version_id,
    segments.as_of_date,
    segments.population,
    segments.event,
    segments.cluster_id,
    segments.related_cluster_id,
    segments.jaccard,
    segments.members_before,
    segments.members_now
from {{ source('segments', 'cluster_events') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
