{%- set minimum = var('minimum_cell_size') | int -%}

-- Small cells are kept as rows without numbers: what is held back is seen to be held back.
select
    profiles.version_id,
    profiles.as_of_date,
    profiles.scheme,
    profiles.segment,
    profiles.measure,
    profiles.customers_known < {{ minimum }} as is_suppressed,
    case when profiles.customers >= {{ minimum }} then profiles.customers end as customers,
    case when profiles.customers >= {{ minimum }} then profiles.share end as share,
    case when profiles.customers_known >= {{ minimum }} then profiles.mean_value end as mean_value,
    case when profiles.customers_known >= {{ minimum }} then profiles.p10_value end as p10_value,
    case when profiles.customers_known >= {{ minimum }} then profiles.median_value end as median_value,
    case when profiles.customers_known >= {{ minimum }} then profiles.p90_value end as p90_value
from {{ ref('segment_profiles') }} as profiles
inner join {{ ref('published_versions') }} as versions
    on profiles.version_id = versions.version_id
