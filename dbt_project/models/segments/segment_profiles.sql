{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

{%- set measures = [
    'monthly_fee', 'net_revenue_12m', 'margin_12m', 'past_value', 'future_value', 'total_value',
    'churn_probability_3m', 'tenure_months', 'product_families', 'gb_month_3m', 'upload_share_3m',
    'late_share_12m', 'contacts_3m'
] %}

with candidates as (
    select version_id
    from {{ ref('versions_in_force') }}
    where is_candidate
),

members as (
    select
        version_id,
        as_of_date,
        market_segment,
        lifecycle_stage,
        value_decile,
        value_decile_fixed,
        cluster_id,
        {{ measures | join(', ') }}
    from {{ ref('customer_segments') }}
    where version_id in (select candidates.version_id from candidates)
),

memberships as (
    {{ scheme_memberships('members', ['version_id', 'as_of_date'] + measures) }}
),

sizes as (
    select version_id, as_of_date, scheme, segment, count(*) as customers
    from memberships
    where segment is not null
    group by version_id, as_of_date, scheme, segment
),

spreads as (
    select
        version_id,
        scheme,
        segment,
        {% for measure in measures %}{{ spread_of(measure) }}{{ ', ' if not loop.last }}{% endfor %} -- noqa: LT02, LT05
    from memberships
    group by version_id, scheme, segment
),

profiles as (
    {% for measure in measures %}{{ spread_row(measure) }}{{ ' union all ' if not loop.last }}{% endfor %} -- noqa: LT02, LT05
)

select
    sizes.version_id,
    sizes.as_of_date,
    sizes.scheme,
    sizes.segment,
    sizes.customers,
    {{ ratio('sizes.customers', 'sum(sizes.customers) over (partition by sizes.version_id, sizes.scheme)') }} as share,
    profiles.measure,
    profiles.customers_known,
    cast(profiles.mean_value as double) as mean_value,
    cast(profiles.p10_value as double) as p10_value,
    cast(profiles.median_value as double) as median_value,
    cast(profiles.p90_value as double) as p90_value
from sizes
inner join profiles
    on
        sizes.version_id = profiles.version_id
        and sizes.scheme = profiles.scheme
        and sizes.segment = profiles.segment
