{%- set minimum = var('minimum_cell_size') | int -%}

with treatments as (
    {{ treatments() }}
),

segments as (
    select distinct
        profiles.version_id,
        profiles.as_of_date,
        versions.previous_version_id,
        profiles.scheme,
        profiles.segment,
        profiles.customers
    from {{ ref('segment_profiles') }} as profiles
    inner join {{ ref('published_versions') }} as versions
        on profiles.version_id = versions.version_id
)

select
    segments.version_id,
    segments.as_of_date,
    segments.scheme,
    segments.segment,
    case when segments.customers >= {{ minimum }} then segments.customers end as customers,
    case
        when segments.customers >= {{ minimum }} and before.customers >= {{ minimum }}
            then segments.customers - before.customers
    end as customers_change,
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
