with ranked as (
    select
        customers.version_id,
        customers.as_of_date,
        customers.market_segment,
        customers.value_decile,
        customers.value_decile_in_market,
        customers.past_value,
        customers.future_value,
        customers.total_value
    from {{ ref('customer_segments') }} as customers
    inner join {{ ref('published_versions') }} as versions
        on customers.version_id = versions.version_id
    where customers.is_ranked
),

scopes as (
    select version_id, as_of_date, 'all' as scope, value_decile, past_value, future_value, total_value
    from ranked
    union all
    select
        version_id, as_of_date, market_segment as scope, value_decile_in_market as value_decile,
        past_value, future_value, total_value
    from ranked
),

deciles as (
    select
        version_id,
        as_of_date,
        scope,
        value_decile,
        count(*) as customers,
        sum(past_value) as past_value,
        sum(future_value) as future_value,
        sum(total_value) as total_value,
        min(total_value) as min_total_value,
        max(total_value) as max_total_value
    from scopes
    group by version_id, as_of_date, scope, value_decile
)

select
    version_id,
    as_of_date,
    scope,
    value_decile,
    customers,
    cast(past_value as decimal(18, 2)) as past_value,
    cast(future_value as decimal(18, 2)) as future_value,
    cast(total_value as decimal(18, 2)) as total_value,
    {{ ratio('total_value', 'sum(total_value) over (partition by version_id, scope)') }} as total_value_share,
    min_total_value,
    max_total_value
from deciles
