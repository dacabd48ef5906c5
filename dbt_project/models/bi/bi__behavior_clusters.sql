with clusters as (
    {{ published_rows(source('segments', 'behavior_clusters'), added=['known_as', 'known_as_share']) }}
)

-- What sales and partners call these customers appears next to the name derived from behavior, never instead of it.
select
    clusters.*,
    tags.tag || ': ' || tags.tag_value as known_as,
    tags.share as known_as_share
from clusters
left join {{ source('segments', 'segment_tags') }} as tags
    on
        clusters.version_id = tags.version_id
        and clusters.cluster_id = tags.segment
