with customers as (
    select
        customers.version_id,
        customers.as_of_date,
        customers.lifecycle_stage,
        customers.total_value,
        customers.future_value,
        customers.churn_probability_3m,
        customers.lifecycle_months_in_stage
    from {{ ref('customer_segments') }} as customers
    inner join {{ ref('published_versions') }} as versions
        on customers.version_id = versions.version_id
),

closing as (
    select
        version_id,
        as_of_date,
        lifecycle_stage,
        count(*) as customers,
        sum(total_value) as total_value,
        sum(future_value) as future_value,
        avg(churn_probability_3m) as mean_churn_probability_3m,
        sum(churn_probability_3m) as expected_churned_3m,
        {{ quantile('lifecycle_months_in_stage', 0.5) }} as median_months_in_stage
    from customers
    group by version_id, as_of_date, lifecycle_stage
),

transitions as (
    select * from {{ ref('bi__lifecycle_transitions') }}
),

flows as (
    select
        version_id,
        as_of_date,
        lifecycle_stage,
        sum(opened) as opened,
        sum(inflow) as inflow,
        sum(outflow) as outflow
    from (
        select
            version_id, as_of_date, to_stage as lifecycle_stage,
            0 as opened,
            case when from_stage is null or from_stage <> to_stage then customers else 0 end as inflow,
            0 as outflow
        from transitions
        where to_stage is not null

        union all

        select
            version_id, as_of_date, from_stage as lifecycle_stage,
            customers as opened,
            0 as inflow,
            case when to_stage is null or from_stage <> to_stage then customers else 0 end as outflow
        from transitions
        where from_stage is not null
    ) as both_ends
    group by version_id, as_of_date, lifecycle_stage
)

-- A stage that all customers have left has flows but no customers.
select
    coalesce(closing.version_id, flows.version_id) as version_id,
    coalesce(closing.as_of_date, flows.as_of_date) as as_of_date,
    coalesce(closing.lifecycle_stage, flows.lifecycle_stage) as lifecycle_stage,
    coalesce(closing.customers, 0) as customers,
    {{ ratio(
        'coalesce(closing.customers, 0)',
        'sum(closing.customers) over (partition by coalesce(closing.version_id, flows.version_id))'
    ) }} as share,
    cast(coalesce(closing.total_value, 0) as decimal(18, 2)) as total_value,
    cast(coalesce(closing.future_value, 0) as decimal(18, 2)) as future_value,
    closing.mean_churn_probability_3m,
    closing.expected_churned_3m,
    cast(closing.median_months_in_stage as double) as median_months_in_stage,
    cast(flows.opened as bigint) as opened,
    cast(flows.inflow as bigint) as inflow,
    cast(flows.outflow as bigint) as outflow
from closing
full outer join flows
    on
        closing.version_id = flows.version_id
        and closing.lifecycle_stage = flows.lifecycle_stage
