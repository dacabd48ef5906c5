select
    segments.version_id,
    segments.as_of_date,
    segments.value_measure,
    segments.customer_percentile,
    segments.customers,
    segments.value,
    segments.cumulative_value_share
from {{ source('segments', 'value_curve') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
