select
    evidence.version_id,
    evidence.as_of_date,
    evidence.product_family,
    evidence.method,
    evidence.explained_deviance,
    evidence.auc,
    evidence.companies,
    evidence.holders
from {{ source('segments', 'mid_band_evidence') }} as evidence
inner join {{ ref('published_versions') }} as versions
    on evidence.version_id = versions.version_id
