select
    segments.version_id,
    segments.as_of_date,
    segments.value_measure,
    segments.customers,
    segments.value,
    segments.gini,
    segments.top_1_share,
    segments.top_5_share,
    segments.top_10_share,
    segments.top_20_share,
    segments.customer_share_for_50,
    segments.customer_share_for_80,
    segments.whale_peak_share,
    segments.customers_past_peak,
    segments.bottom_20_share,
    segments.pareto_verdict,
    segments.whale_verdict,
    coalesce(segments.is_ranked_by, segments.value_measure = 'total') as is_ranked_by
from {{ source('segments', 'value_concentration') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
