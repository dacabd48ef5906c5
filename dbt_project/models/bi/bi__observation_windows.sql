select
    segments.version_id,
    segments.as_of_date,
    segments.source_system,
    segments.retention_market,
    segments.market_segment,
    segments.endings_from,
    segments.endings_through,
    segments.basis,
    segments.found_for,
    segments.endings_before,
    segments.expected_before,
    segments.monthly_rate,
    segments.p_value,
    segments.evidence,
    segments.migrated_on,
    segments.tenure_at_migration,
    segments.is_learnable,
    segments.decision
from {{ source('segments', 'observation_windows') }} as segments
inner join {{ ref('published_versions') }} as versions
    on segments.version_id = versions.version_id
