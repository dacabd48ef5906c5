select
    transitions.version_id,
    transitions.as_of_date,
    transitions.from_stage,
    transitions.to_stage,
    transitions.customers,
    {{ ratio(
        'transitions.customers',
        'sum(transitions.customers) over (partition by transitions.version_id, transitions.from_stage)'
    ) }} as share_of_from
from {{ ref('lifecycle_transitions') }} as transitions
inner join {{ ref('published_versions') }} as versions
    on transitions.version_id = versions.version_id
