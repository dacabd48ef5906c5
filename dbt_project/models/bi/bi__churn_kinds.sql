with churned as (
    select
        customers.version_id,
        customers.as_of_date,
        customers.market_segment,
        customers.churn_kind,
        count(*) as customers
    from {{ ref('customer_segments') }} as customers
    inner join {{ ref('published_versions') }} as versions
        on customers.version_id = versions.version_id
    where
        customers.lifecycle_stage = 'churned'
        and customers.previous_lifecycle_stage <> 'churned'
    group by customers.version_id, customers.as_of_date, customers.market_segment, customers.churn_kind
)

select
    version_id,
    as_of_date,
    market_segment,
    churn_kind,
    customers,
    {{ ratio('customers', 'sum(customers) over (partition by version_id)') }} as share
from churned
