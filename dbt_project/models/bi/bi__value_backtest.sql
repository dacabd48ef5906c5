select
    segments.version_id,
    segments.as_of_date,
    segments.horizon_months,
    segments.cutoff_date,
    segments.forecast,
    segments.measure,
    segments.part,
    segments.value,
    segments.customers,
    segments.is_champion,
    segments.is_refused,
    segments.decision
from {{ source('segments', 'value_backtest') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
