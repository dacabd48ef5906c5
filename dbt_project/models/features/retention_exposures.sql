{{ config(materialized='table', database='workspace', persist_docs={'relation': true, 'columns': false}) }}

-- A customer open at a month end with spell_months behind it is at risk over the next month. Customers with identical
-- spans are counted before the spans are expanded to months.
with customers as (
    select
        features.as_of_date,
        {{ month_number('features.as_of_date') }} as as_of_month_number,
        features.customer_id,
        features.population,
        features.market_segment,
        {{ source_system('customers.source_system') }} as source_system
    from {{ ref('customer_features') }} as features
    inner join {{ ref('stg_customers') }} as customers
        on features.customer_id = customers.customer_id
    -- Without customers whose every order was withdrawn before its first day, even if that became known later.
    where features.first_start_date is not null
),

spans as (
    select
        customers.as_of_date,
        customers.as_of_month_number,
        customers.source_system,
        customers.population as retention_market,
        customers.market_segment,
        spans.retention_product,
        spans.retention_term,
        spans.is_committed,
        spans.spell_first_month,
        spans.first_month,
        least(spans.last_month, customers.as_of_month_number - 1) as last_month,
        spans.ends_spell and spans.last_month < customers.as_of_month_number as is_churn,
        count(*) as customers
    from customers
    inner join {{ ref('customer_spans') }} as spans
        on
            customers.customer_id = spans.customer_id
            and customers.as_of_month_number > spans.first_month
    -- It is not recorded when a prepaid customer leaves.
    where not spans.is_prepaid
    group by
        customers.as_of_date,
        customers.as_of_month_number,
        customers.source_system,
        customers.population,
        customers.market_segment,
        spans.retention_product,
        spans.retention_term,
        spans.is_committed,
        spans.spell_first_month,
        spans.first_month,
        least(spans.last_month, customers.as_of_month_number - 1),
        spans.ends_spell and spans.last_month < customers.as_of_month_number
)

-- The thousand months joined here reach back further than any system.
select
    spans.as_of_date,
    spans.source_system,
    spans.retention_market,
    spans.market_segment,
    spans.retention_product,
    spans.retention_term,
    spans.is_committed,
    cast(spans.as_of_month_number - numbers.number as integer) as month_number,
    cast(spans.as_of_month_number - numbers.number - spans.spell_first_month as integer) as spell_months,
    cast(sum(spans.customers) as bigint) as customers_at_risk,
    cast(sum(
        case
            when spans.is_churn and spans.last_month = spans.as_of_month_number - numbers.number then spans.customers
            else 0
        end
    ) as bigint) as customers_churned
from spans
inner join {{ thousand_numbers() }} as numbers
    on
        spans.first_month <= spans.as_of_month_number - numbers.number
        and spans.last_month >= spans.as_of_month_number - numbers.number
group by
    spans.as_of_date,
    spans.source_system,
    spans.retention_market,
    spans.market_segment,
    spans.retention_product,
    spans.retention_term,
    spans.is_committed,
    spans.as_of_month_number,
    spans.spell_first_month,
    numbers.number
