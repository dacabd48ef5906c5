select
    segments.version_id,
    segments.as_of_date,
    segments.population,
    segments.cluster_id,
    segments.cluster_name,
    segments.rule,
    segments.rule_in_words,
    segments.rule_precision,
    segments.rule_recall,
    segments.customers,
    segments.share,
    segments.jaccard,
    segments.silhouette,
    segments.first_version_id,
    segments.matched_jaccard,
    segments.top_features,
    segments.exemplars,
    segments.later_churn_rate,
    segments.later_margin
from {{ source('segments', 'behavior_clusters') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
