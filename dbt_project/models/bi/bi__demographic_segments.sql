with consumers as (
    select
        customers.version_id,
        customers.as_of_date,
        customers.age_band,
        coalesce(customers.region, 'unknown') as region,
        coalesce(customers.household_type, 'unknown') as household_type,
        count(*) as customers,
        sum(case when customers.is_open then 1 else 0 end) as open_customers,
        avg(customers.total_value) as mean_total_value
    from {{ ref('customer_segments') }} as customers
    inner join {{ ref('published_versions') }} as versions
        on customers.version_id = versions.version_id
    where customers.market_segment in ('consumer', 'employee')
    group by
        customers.version_id,
        customers.as_of_date,
        customers.age_band,
        coalesce(customers.region, 'unknown'),
        coalesce(customers.household_type, 'unknown')
),

judged as (
    select
        *,
        {{ is_held_back('customers', ['version_id'], ['age_band', 'region', 'household_type']) }} as is_suppressed
    from consumers
)

select
    version_id,
    as_of_date,
    age_band,
    region,
    household_type,
    is_suppressed,
    case when not is_suppressed then customers end as customers,
    cast(case when not is_suppressed then open_customers end as bigint) as open_customers,
    cast(case when not is_suppressed then mean_total_value end as decimal(18, 2)) as mean_total_value
from judged
