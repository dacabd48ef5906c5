select history.*
from {{ ref('bi__customer_segment_history') }} as history
inner join {{ ref('published_versions') }} as versions
    on history.version_id = versions.version_id
where versions.is_current
