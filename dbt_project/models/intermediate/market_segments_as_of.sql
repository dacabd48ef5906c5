with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

customers as (
    select * from {{ ref('stg_customers') }}
),

-- What a customer has ever held says what it is, also after it has left.
wholesale_customers as (
    select customer_id, min(opens_on_date) as wholesale_since_date
    from {{ ref('contract_states') }}
    where product_family = 'wholesale'
    group by customer_id
),

-- A company is as large as its group: the most among itself, its parent and its parent's parent.
organizations as (
    select
        customers.customer_id,
        greatest(customers.employee_count, parents.employee_count, grandparents.employee_count)
            as group_employee_count,
        greatest(customers.annual_revenue, parents.annual_revenue, grandparents.annual_revenue)
            as group_annual_revenue
    from customers
    left join customers as parents
        on customers.parent_customer_id = parents.customer_id
    left join customers as grandparents
        on parents.parent_customer_id = grandparents.customer_id
),

industries as (
    select
        customers.customer_id,
        max(case when prefixes.market_segment = 'education' then 1 else 0 end) = 1 as industry_is_education,
        max(case when prefixes.market_segment = 'government' then 1 else 0 end) = 1 as industry_is_public
    from customers
    inner join {{ ref('industry_prefixes') }} as prefixes
        on
            lower(customers.industry_scheme) = prefixes.industry_scheme
            and customers.industry_code like prefixes.code_prefix || '%'
    group by customers.customer_id
),

rule_inputs as (
    select
        customers.*,
        run_months.as_of_date,
        organizations.group_employee_count,
        organizations.group_annual_revenue,
        coalesce(industries.industry_is_education, false) as industry_is_education,
        coalesce(industries.industry_is_public, false) as industry_is_public,
        coalesce(wholesale_customers.wholesale_since_date <= run_months.as_of_date, false) as has_wholesale
    from customers
    inner join run_months
        on customers.created_date <= run_months.as_of_date
    left join organizations
        on customers.customer_id = organizations.customer_id
    left join industries
        on customers.customer_id = industries.customer_id
    left join wholesale_customers
        on customers.customer_id = wholesale_customers.customer_id
),

classified as (
    select
        customer_id,
        as_of_date,
        customer_type,
        {{ first_rule(var('market_rules'), 'segment', 'market_segment_override') }} as market_segment,
        {{ first_rule(var('market_rules'), 'id') }} as rule_id,
        {{ first_rule(var('market_rules'), 'because') }} as reason,
        market_segment_override is not null as is_override
    from rule_inputs
)

select
    customer_id,
    as_of_date,
    customer_type,
    market_segment,
    rule_id,
    reason,
    is_override,
    {{ population('market_segment') }} as population
from classified
