{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

{%- set measures = [
    'monthly_fee', 'net_revenue_12m', 'margin_12m', 'past_value', 'future_value', 'total_value',
    'churn_probability_3m', 'tenure_months', 'product_families', 'gb_month_3m', 'upload_share_3m',
    'late_share_12m', 'contacts_3m'
] %}

with members as (
    select customers.*
    from {{ ref('customer_segments') }} as customers
    inner join {{ ref('versions_in_force') }} as versions
        on
            customers.version_id = versions.version_id
            and versions.is_candidate
),

memberships as (
    {% for scheme in segment_schemes() -%}
    select
        version_id,
        as_of_date,
        '{{ scheme.name }}' as scheme,
        {{ scheme.segment }} as segment,
        {% for measure in measures -%}
        cast({{ measure }} as decimal(18, 6)) as {{ measure }}{{ ',' if not loop.last }}
        {% endfor -%}
    from members
    where {{ scheme.segment }} is not null
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}
),

sizes as (
    select version_id, as_of_date, scheme, segment, count(*) as customers
    from memberships
    group by version_id, as_of_date, scheme, segment
),

summaries as (
    select
        version_id,
        scheme,
        segment,
        {% for measure in measures -%}
        count({{ measure }}) as {{ measure }}_known,
        avg({{ measure }}) as {{ measure }}_mean,
        {{ quantile(measure, 0.1) }} as {{ measure }}_p10,
        {{ quantile(measure, 0.5) }} as {{ measure }}_median,
        {{ quantile(measure, 0.9) }} as {{ measure }}_p90{{ ',' if not loop.last }}
        {% endfor -%}
    from memberships
    group by version_id, scheme, segment
),

profiles as (
    {% for measure in measures -%}
    select
        version_id,
        scheme,
        segment,
        '{{ measure }}' as measure,
        {{ measure }}_known as customers_known,
        {{ measure }}_mean as mean_value,
        {{ measure }}_p10 as p10_value,
        {{ measure }}_median as median_value,
        {{ measure }}_p90 as p90_value
    from summaries
    {%- if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
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
