{{ config(materialized='table', database='workspace', persist_docs={'relation': true, 'columns': false}) }}

-- What followed a month is taken as of the as-of date: customers who leave later have not left yet.
with as_of_months as (
    select distinct
        as_of_date,
        {{ month_number('as_of_date') }} as as_of_month_number
    from {{ ref('customer_features') }}
),

training_months as (
    {{ training_months('as_of_months') }}
),

spells as (
    select
        customer_id,
        spell_first_month,
        max(last_month) as last_month
    from {{ ref('customer_spans') }}
    group by customer_id, spell_first_month
),

-- Nobody is seen to leave while prepaid.
prepaid_spans as (
    select
        customer_id,
        first_month,
        last_month
    from {{ ref('customer_spans') }}
    where is_prepaid
),

observed as (
    select
        training_months.as_of_date,
        training_months.as_of_month_number,
        months.*,
        features.population as retention_market,
        features.market_segment,
        {{ source_system('customers.source_system') }} as source_system,
        spells.last_month as spell_last_month
    from training_months
    inner join {{ ref('customer_month_covariates') }} as months
        on training_months.month_number = months.month_number
    inner join {{ ref('customer_features') }} as features
        on
            training_months.as_of_date = features.as_of_date
            and months.customer_id = features.customer_id
            and not features.is_prepaid
            and features.first_start_date is not null
    inner join {{ ref('stg_customers') }} as customers
        on months.customer_id = customers.customer_id
    inner join spells
        on
            months.customer_id = spells.customer_id
            and months.month_number - months.spell_months = spells.spell_first_month
    left join prepaid_spans
        on
            months.customer_id = prepaid_spans.customer_id
            and months.month_number >= prepaid_spans.first_month
            and months.month_number <= prepaid_spans.last_month
    where prepaid_spans.customer_id is null
)

select
    as_of_date,
    customer_id,
    month_end_date,
    month_number,
    case when month_number < as_of_month_number then spell_last_month = month_number end as churned_next_month,
    cast(
        case when spell_last_month < as_of_month_number then spell_last_month + 1 - month_number end as integer
    ) as churned_after_months,
    cast(least(spell_last_month + 1, as_of_month_number) - month_number as integer) as months_followed,
    source_system,
    retention_market,
    market_segment,
    retention_product,
    retention_term,
    is_committed,
    spell_months,
    open_contracts,
    product_families,
    suspended_share,
    term_months,
    commitment_months_left,
    committed_month_ends,
    months_since_commitment,
    discount_months_left,
    monthly_fee,
    discount_share,
    price_change_3m,
    gb_month_3m,
    upload_share_3m,
    usage_trend,
    days_since_last_usage,
    days_late_3m,
    failed_payments_3m,
    has_autopay,
    contacts_3m,
    complaints_3m,
    outage_minutes_3m,
    expected_revenue,
    expected_cost
from observed
