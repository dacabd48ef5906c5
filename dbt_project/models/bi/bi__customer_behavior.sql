select
    segments.version_id,
    segments.as_of_date,
    segments.customer_id,
    segments.population,
    segments.behavior_status,
    segments.cluster_id,
    segments.cluster_name,
    segments.distance,
    segments.runner_up_cluster_id,
    segments.cluster_reasons
from {{ source('segments', 'customer_behavior') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
