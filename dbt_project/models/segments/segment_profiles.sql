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
        customer_id,
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
    {{ scheme_memberships('members', ['version_id', 'as_of_date', 'customer_id'] + measures) }}
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

-- An attribute is numeric if every value is a number; otherwise each value is reported, unless there are too many.
attributes as (
    select
        as_of_date,
        attribute,
        count(*) = count(attribute_number) as is_number,
        count(distinct attribute_value) <= {{ var('most_attribute_values') }} as is_class
    from {{ ref('customer_attributes_as_of') }}
    group by as_of_date, attribute
),

known_attributes as (
    select
        memberships.version_id,
        memberships.as_of_date,
        memberships.scheme,
        memberships.segment,
        known.attribute,
        known.attribute_value,
        known.attribute_number,
        attributes.is_number
    from memberships
    inner join {{ ref('customer_attributes_as_of') }} as known
        on
            memberships.as_of_date = known.as_of_date
            and memberships.customer_id = known.customer_id
    inner join attributes
        on
            known.as_of_date = attributes.as_of_date
            and known.attribute = attributes.attribute
    where attributes.is_number or attributes.is_class
),

attribute_numbers as (
    select
        version_id,
        scheme,
        segment,
        'attribute_' || attribute as measure,
        {{ spread_of('attribute_number') }}
    from known_attributes
    where is_number
    group by version_id, scheme, segment, attribute
),

attribute_totals as (
    select version_id, as_of_date, scheme, segment, attribute, count(*) as customers_known
    from known_attributes
    where not is_number
    group by version_id, as_of_date, scheme, segment, attribute
),

attribute_counts as (
    select version_id, scheme, segment, attribute, attribute_value, count(*) as customers
    from known_attributes
    where not is_number
    group by version_id, scheme, segment, attribute, attribute_value
),

attribute_values as (
    select distinct version_id, attribute, attribute_value
    from attribute_counts
),

profiles as (
    {% for measure in measures %}{{ spread_row(measure) }} union all {% endfor %} -- noqa: LT02, LT05, LT11
    select
        version_id,
        scheme,
        segment,
        measure,
        attribute_number_known as customers_known,
        attribute_number_mean as mean_value,
        attribute_number_p10 as p10_value,
        attribute_number_median as median_value,
        attribute_number_p90 as p90_value
    from attribute_numbers
    union all
    select
        totals.version_id,
        totals.scheme,
        totals.segment,
        'attribute_' || totals.attribute || '=' || attribute_values.attribute_value as measure,
        totals.customers_known,
        {{ ratio('coalesce(counts.customers, 0)', 'totals.customers_known') }} as mean_value,
        null as p10_value,
        null as median_value,
        null as p90_value
    from attribute_totals as totals
    inner join attribute_values
        on
            totals.version_id = attribute_values.version_id
            and totals.attribute = attribute_values.attribute
    left join attribute_counts as counts
        on
            totals.version_id = counts.version_id
            and totals.scheme = counts.scheme
            and totals.segment = counts.segment
            and attribute_values.attribute = counts.attribute
            and attribute_values.attribute_value = counts.attribute_value
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
