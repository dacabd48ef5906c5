with treatments as (
    {{ treatments() }}
),

shown as (
    {{ shown_segments(ref('segment_profiles')) }}
),

segments as (
    select
        shown.*,
        versions.as_of_date,
        versions.previous_version_id
    from shown
    inner join {{ ref('published_versions') }} as versions
        on shown.version_id = versions.version_id
)

select
    segments.version_id,
    segments.as_of_date,
    segments.scheme,
    segments.segment,
    segments.customers,
    segments.customers - before.customers as customers_change,
    treatments.treatment,
    treatments.channel
from segments
left join segments as before
    on
        segments.previous_version_id = before.version_id
        and segments.scheme = before.scheme
        and segments.segment = before.segment
left join treatments
    on
        segments.scheme = treatments.scheme
        and segments.segment = treatments.segment
