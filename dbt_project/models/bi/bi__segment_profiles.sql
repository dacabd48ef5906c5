{%- set minimum = var('minimum_cell_size') | int -%}

with profiles as (
    select
        profiles.*,
        versions.previous_version_id
    from {{ ref('segment_profiles') }} as profiles
    inner join {{ ref('published_versions') }} as versions
        on profiles.version_id = versions.version_id
),

segments as (
    {{ shown_segments('profiles') }}
),

-- In a normal distribution the distance between the first and the ninth decile is 2.563 standard deviations; for money
-- and traffic it is more stable than the standard deviation itself.
sums as (
    select
        *,
        {{ is_held_back('customers_known', ['version_id', 'scheme', 'measure'], ['segment']) }} as is_suppressed,
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

-- Small cells are kept as rows without numbers, so that the suppression is visible.
select
    compared.version_id,
    compared.as_of_date,
    compared.scheme,
    compared.segment,
    compared.measure,
    compared.is_suppressed,
    segments.customers,
    case when segments.customers is not null then compared.share end as share,
    case when not compared.is_suppressed then compared.mean_value end as mean_value,
    case when not compared.is_suppressed then compared.p10_value end as p10_value,
    case when not compared.is_suppressed then compared.median_value end as median_value,
    case when not compared.is_suppressed then compared.p90_value end as p90_value,
    case
        when
            not compared.is_suppressed
            and compared.known_of_scheme - compared.customers_known >= {{ minimum }}
            then {{ ratio('compared.difference', 'compared.spread_within') }}
    end as effect_size,
    case
        when not compared.is_suppressed and not before.is_suppressed
            then compared.mean_value - before.mean_value
    end as mean_change
from compared
inner join segments
    on
        compared.version_id = segments.version_id
        and compared.scheme = segments.scheme
        and compared.segment = segments.segment
left join compared as before
    on
        compared.previous_version_id = before.version_id
        and compared.scheme = before.scheme
        and compared.segment = before.segment
        and compared.measure = before.measure
