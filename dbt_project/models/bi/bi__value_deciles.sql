-- Versions older than the setting of the measure were ranked by total value.
with measures as (
    select version_id, min(rank_by) as rank_by
    from {{ source('segments', 'value_cutoffs') }}
    group by version_id
),

ranked as (
    select
        customers.version_id,
        customers.as_of_date,
        customers.market_segment,
        coalesce(measures.rank_by, 'total') as rank_by,
        customers.is_open,
        customers.value_decile,
        customers.value_decile_in_market,
        customers.past_value,
        customers.future_value,
        customers.future_value_36m,
        customers.total_value,
        case when measures.rank_by is null then customers.total_value else customers.ranked_value end as ranked_value
    from {{ ref('customer_segments') }} as customers
    inner join {{ ref('published_versions') }} as versions
        on customers.version_id = versions.version_id
    left join measures
        on customers.version_id = measures.version_id
    where customers.is_ranked
),

scopes as (
    select *, 'all' as scope, value_decile as decile
    from ranked
    union all
    select *, market_segment as scope, value_decile_in_market as decile
    from ranked
),

deciles as (
    select
        version_id,
        as_of_date,
        scope,
        decile,
        rank_by,
        count(*) as customers,
        sum(past_value) as past_value,
        {{ sum_of_future('future_value') }} as future_value,
        {{ sum_of_future('future_value_36m') }} as future_value_36m,
        sum(total_value) as total_value,
        sum(ranked_value) as ranked_value,
        min(ranked_value) as min_ranked_value,
        max(ranked_value) as max_ranked_value
    from scopes
    group by version_id, as_of_date, scope, decile, rank_by
)

select
    version_id,
    as_of_date,
    scope,
    decile as value_decile,
    rank_by,
    customers,
    cast(past_value as decimal(18, 2)) as past_value,
    cast(future_value as decimal(18, 2)) as future_value,
    cast(future_value_36m as decimal(18, 2)) as future_value_36m,
    cast(total_value as decimal(18, 2)) as total_value,
    {{ ratio('total_value', 'sum(total_value) over (partition by version_id, scope)') }} as total_value_share,
    cast(ranked_value as decimal(18, 2)) as ranked_value,
    {{ ratio('ranked_value', 'sum(ranked_value) over (partition by version_id, scope)') }} as ranked_value_share,
    min_ranked_value,
    max_ranked_value
from deciles
