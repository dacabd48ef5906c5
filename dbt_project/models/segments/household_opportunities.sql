{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

{%- set offers = var('household') %}

with candidates as (
    select version_id
    from {{ ref('versions_in_force') }}
    where is_candidate
),

households as (
    select
        *,
        case when members >= 3 then 3 else members end as size_band,
        coalesce(cluster_id, 'none') as behavior
    from {{ ref('households') }}
    where version_id in (select candidates.version_id from candidates)
),

holdings as (
    {% for family in offers['offered_families'] -%}
    select
        version_id,
        as_of_date,
        household_id,
        first_customer_id,
        expected_remaining_months,
        size_band,
        behavior,
        {{ text_literal(family) }} as product_family,
        case when has_{{ family }} then 1 else 0 end as is_held
    from households
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

sizes as (
    select
        version_id,
        product_family,
        size_band,
        {{ ratio('sum(is_held)', 'count(*)') }} as share
    from holdings
    group by version_id, product_family, size_band
),

alike as (
    select
        version_id,
        product_family,
        size_band,
        behavior,
        count(*) as households,
        sum(is_held) as holders
    from holdings
    group by version_id, product_family, size_band, behavior
),

-- Average monthly margin of a contract of the family among persons, after discount and product cost.
margins as (
    select
        members.version_id,
        contracts.product_family,
        avg(contracts.monthly_fee - contracts.discount_in_force - contracts.monthly_product_cost) as monthly_margin
    from {{ ref('household_members') }} as members
    inner join candidates
        on members.version_id = candidates.version_id
    inner join {{ ref('contract_months') }} as contracts
        on
            members.customer_id = contracts.customer_id
            and members.as_of_date = contracts.month_end_date
    where contracts.is_open
    group by members.version_id, contracts.product_family
),

gaps as (
    select
        holdings.version_id,
        holdings.as_of_date,
        holdings.household_id,
        holdings.first_customer_id,
        holdings.product_family,
        alike.households - 1 as similar_households,
        {{ ratio('alike.holders', 'alike.households - 1') }} as similar_share,
        -- A few similar households are weak evidence: the share is shrunk towards that of all households of that size.
        (alike.holders + {{ offers['prior_households'] }} * sizes.share)
        / (alike.households - 1 + {{ offers['prior_households'] }}) as uptake,
        margins.monthly_margin,
        least(holdings.expected_remaining_months, {{ offers['horizon_months'] }}) as expected_life_months
    from holdings
    inner join alike
        on
            holdings.version_id = alike.version_id
            and holdings.product_family = alike.product_family
            and holdings.size_band = alike.size_band
            and holdings.behavior = alike.behavior
    inner join sizes
        on
            holdings.version_id = sizes.version_id
            and holdings.product_family = sizes.product_family
            and holdings.size_band = sizes.size_band
    inner join margins
        on
            holdings.version_id = margins.version_id
            and holdings.product_family = margins.product_family
    where holdings.is_held = 0 and margins.monthly_margin > 0
),

valued as (
    select
        *,
        cast(uptake * monthly_margin * expected_life_months as decimal(18, 2)) as expected_value
    from gaps
    where expected_life_months > 0 and uptake > 0
)

select
    version_id,
    as_of_date,
    household_id,
    first_customer_id,
    product_family,
    similar_households,
    similar_share,
    cast(uptake as double) as uptake,
    cast(monthly_margin as decimal(18, 2)) as monthly_margin,
    cast(expected_life_months as double) as expected_life_months,
    expected_value,
    cast(
        row_number() over (
            partition by version_id, household_id order by expected_value desc, product_family asc
        ) as integer
    ) as offer_rank
from valued
