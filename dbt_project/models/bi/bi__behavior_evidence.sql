select
    segments.version_id,
    segments.as_of_date,
    segments.population,
    segments.shape,
    segments.k,
    segments.components,
    segments.silhouette,
    segments.prediction_strength,
    segments.separation,
    segments.min_jaccard,
    segments.bic,
    segments.icl,
    segments.is_chosen,
    segments.decision,
    segments.later_churn_association,
    segments.later_margin_association,
    segments.outcome_customers
from {{ source('segments', 'behavior_evidence') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
