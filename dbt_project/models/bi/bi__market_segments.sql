with segments as (
    select
        customers.version_id,
        customers.as_of_date,
        customers.market_segment,
        count(*) as customers,
        sum(case when customers.is_open then 1 else 0 end) as open_customers,
        sum(case when customers.market_conflicts is not null then 1 else 0 end) as conflicting_customers,
        sum(case when customers.market_confidence = 'low' then 1 else 0 end) as low_confidence_customers,
        sum(customers.monthly_fee) as monthly_fee,
        sum(customers.past_value) as past_value,
        {{ sum_of_future('customers.future_value', 'customers.is_open') }} as future_value,
        sum(customers.total_value) as total_value
    from {{ ref('customer_segments') }} as customers
    inner join {{ ref('published_versions') }} as versions
        on customers.version_id = versions.version_id
    group by customers.version_id, customers.as_of_date, customers.market_segment
)

select
    version_id,
    as_of_date,
    market_segment,
    customers,
    {{ ratio('customers', 'sum(customers) over (partition by version_id)') }} as share,
    cast(open_customers as bigint) as open_customers,
    cast(conflicting_customers as bigint) as conflicting_customers,
    cast(low_confidence_customers as bigint) as low_confidence_customers,
    cast(monthly_fee as decimal(18, 2)) as monthly_fee,
    cast(past_value as decimal(18, 2)) as past_value,
    cast(future_value as decimal(18, 2)) as future_value,
    cast(total_value as decimal(18, 2)) as total_value
from segments
