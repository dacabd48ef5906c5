{%- set minimum = var('minimum_cell_size') | int -%}

with profiles as (
    select
        profiles.*,
        versions.previous_version_id
    from {{ ref('segment_profiles') }} as profiles
    inner join {{ ref('published_versions') }} as versions
        on profiles.version_id = versions.version_id
),

-- The spread of a normal distribution between its first and ninth tenth is 2.563 standard deviations; of money and
-- traffic it is steadier than the standard deviation itself.
sums as (
    select
        *,
        sum(customers_known * mean_value) over of_scheme as total_of_scheme,
        sum(customers_known) over of_scheme as known_of_scheme,
        {{ ratio(
            'sum(customers_known * (p90_value - p10_value)) over of_scheme',
            'sum(customers_known) over of_scheme * 2.563'
        ) }} as spread_within
    from profiles
    window of_scheme as (partition by version_id, scheme, measure)
),

compared as (
    select
        *,
        mean_value - {{ ratio(
            'total_of_scheme - customers_known * mean_value', 'known_of_scheme - customers_known'
        ) }} as difference
    from sums
)

-- Small cells are kept as rows without numbers: what is held back is seen to be held back.
select
    compared.version_id,
    compared.as_of_date,
    compared.scheme,
    compared.segment,
    compared.measure,
    compared.customers_known < {{ minimum }} as is_suppressed,
    case when compared.customers >= {{ minimum }} then compared.customers end as customers,
    case when compared.customers >= {{ minimum }} then compared.share end as share,
    case when compared.customers_known >= {{ minimum }} then compared.mean_value end as mean_value,
    case when compared.customers_known >= {{ minimum }} then compared.p10_value end as p10_value,
    case when compared.customers_known >= {{ minimum }} then compared.median_value end as median_value,
    case when compared.customers_known >= {{ minimum }} then compared.p90_value end as p90_value,
    case
        when
            compared.customers_known >= {{ minimum }}
            and compared.known_of_scheme - compared.customers_known >= {{ minimum }}
            then {{ ratio('compared.difference', 'compared.spread_within') }}
    end as effect_size,
    case
        when compared.customers_known >= {{ minimum }} and before.customers_known >= {{ minimum }}
            then compared.mean_value - before.mean_value
    end as mean_change
from compared
left join profiles as before
    on
        compared.previous_version_id = before.version_id
        and compared.scheme = before.scheme
        and compared.segment = before.segment
        and compared.measure = before.measure
