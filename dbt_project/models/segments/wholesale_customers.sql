{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

with candidates as (
    select as_of_date, version_id
    from {{ ref('versions_in_force') }}
    where is_candidate
),

wholesale as (
    select segments.*
    from {{ ref('customer_segments') }} as segments
    inner join candidates
        on segments.version_id = candidates.version_id
    where segments.population = 'wholesale'
),

-- Lines on its own account, and those of other customers that it has sold and serves.
contracts as (
    select
        candidates.version_id,
        months.customer_id,
        months.reseller_customer_id,
        months.product_family,
        months.monthly_fee - months.discount_in_force as net_fee,
        months.monthly_fee - months.discount_in_force - months.monthly_product_cost as margin
    from candidates
    inner join {{ ref('contract_months') }} as months
        on candidates.as_of_date = months.month_end_date
    where months.is_open
),

own as (
    select
        version_id,
        customer_id,
        sum(case when product_family = 'wholesale' then 1 else 0 end) as wholesale_contracts,
        sum(case when product_family <> 'wholesale' then 1 else 0 end) as own_lines
    from contracts
    group by version_id, customer_id
),

downstream_of_customers as (
    select
        contracts.version_id,
        contracts.reseller_customer_id,
        contracts.customer_id,
        wholesale.is_open,
        count(*) as lines,
        sum(contracts.net_fee) as net_fee,
        sum(contracts.margin) as margin
    from contracts
    inner join wholesale
        on
            contracts.version_id = wholesale.version_id
            and contracts.reseller_customer_id = wholesale.customer_id
    where contracts.reseller_customer_id <> contracts.customer_id
    group by contracts.version_id, contracts.reseller_customer_id, contracts.customer_id, wholesale.is_open
),

-- Someone who buys through two resellers is one customer, of the open one, then of the one that is paid most.
placed as (
    select
        *,
        row_number() over (
            partition by version_id, customer_id
            order by is_open desc, net_fee desc, reseller_customer_id asc
        ) as place
    from downstream_of_customers
),

downstream as (
    select
        version_id,
        reseller_customer_id,
        count(*) as downstream_customers,
        sum(case when place = 1 then 1 else 0 end) as downstream_customers_once,
        sum(lines) as downstream_lines,
        sum(net_fee) as downstream_fee,
        sum(margin) as downstream_margin
    from placed
    group by version_id, reseller_customer_id
)

select
    wholesale.version_id,
    wholesale.as_of_date,
    wholesale.customer_id,
    customers.is_reseller or downstream.reseller_customer_id is not null as is_reseller,
    wholesale.market_reason,
    wholesale.lifecycle_stage,
    wholesale.is_open,
    wholesale.tenure_months,
    cast(coalesce(own.wholesale_contracts, 0) as integer) as wholesale_contracts,
    cast(coalesce(own.own_lines, 0) as integer) as own_lines,
    cast(coalesce(downstream.downstream_customers, 0) as integer) as downstream_customers,
    cast(coalesce(downstream.downstream_customers_once, 0) as integer) as downstream_customers_once,
    cast(coalesce(downstream.downstream_lines, 0) as integer) as downstream_lines,
    cast(coalesce(downstream.downstream_fee, 0) as decimal(18, 2)) as downstream_fee,
    cast(coalesce(downstream.downstream_margin, 0) as decimal(18, 2)) as downstream_margin,
    wholesale.monthly_fee,
    wholesale.expected_monthly_margin,
    wholesale.past_value,
    wholesale.future_value,
    wholesale.total_value,
    wholesale.gb_month_3m
from wholesale
inner join {{ ref('customer_features') }} as customers
    on
        wholesale.customer_id = customers.customer_id
        and wholesale.as_of_date = customers.as_of_date
left join own
    on
        wholesale.customer_id = own.customer_id
        and wholesale.version_id = own.version_id
left join downstream
    on
        wholesale.customer_id = downstream.reseller_customer_id
        and wholesale.version_id = downstream.version_id
