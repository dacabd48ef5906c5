select
    version_id,
    as_of_date,
    revision,
    status,
    created_at,
    published_at,
    run_id,
    code_version,
    settings_hash,
    input_hash,
    previous_version_id,
    changes,
    row_counts,
    checks
from {{ source('segments', 'versions') }}
