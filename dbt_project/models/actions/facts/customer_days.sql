{{ config(
    materialized='table',
    database='lake',
    schema='features',
    persist_docs={'relation': true, 'columns': true}
) }}

{%- set days_to = (
    'next_due', 'blocking', 'discount_end', 'commitment_end', 'reseller_commitment_end', 'price_rise'
) -%}
{%- set days_since = (
    'service_start', 'return', 'payment_failed', 'overdue_since', 'silent_since', 'complaint_open_since'
) -%}

with customers as (
    select
        days.action_date,
        days.version_id,
        days.as_of_date as version_date,
        customers.customer_id,
        customers.customer_type
    from {{ ref('action_days') }} as days
    inner join {{ ref('stg_customers') }} as customers
        on days.action_date >= customers.created_date
),

opportunities as (
    select
        version_id,
        household_id,
        product_family,
        expected_value,
        row_number() over (
            partition by version_id, household_id order by expected_value desc, product_family asc
        ) as place
    from {{ ref('household_opportunities') }}
    where version_id in (select days.version_id from {{ ref('action_days') }} as days)
),

joined as (
    select
        customers.*,
        coalesce(contracts.open_contracts > 0, false) as is_open,
        contracts.service_start_date,
        contracts.return_date,
        contracts.monthly_fee,
        contracts.monthly_discount,
        contracts.discount_end_date,
        contracts.commitment_end_date,
        contracts.reseller_commitment_end_date,
        contracts.price_rise_date,
        contracts.price_rise_amount,
        coalesce(contracts.is_prepaid, false) as is_prepaid,
        bills.next_due_date,
        bills.due_amount,
        bills.overdue_since_date,
        bills.overdue_amount,
        failed.payment_failed_date,
        balances.balance_date,
        balances.balance_amount,
        balances.blocking_date,
        {{ ratio('balances.balance_amount * 30', 'contracts.monthly_fee') }} as balance_days_left,
        usage.usage_known_date,
        usage.last_usage_date,
        usage.silent_since_date,
        usage.cap_share,
        usage.usage_change,
        usage.usage_gb_month_before,
        usage.calls_month_before,
        care.complaint_open_since_date,
        care.outage_hours,
        care.last_outage_date,
        changes.household_joined_date,
        changes.household_left_date,
        changes.nanobusiness_since_date,
        segments.market_segment,
        segments.lifecycle_stage,
        segments.value_decile_in_market,
        segments.expected_monthly_margin,
        segments.future_value_36m,
        segments.churn_probability_3m,
        segments.churn_probability_12m,
        segments.home_business,
        segments.household_id,
        segments.group_id,
        segments.b2b_headroom,
        segments.recommended_route,
        opportunities.product_family as gap_product_family,
        opportunities.expected_value as gap_value
    from customers
    {% for relation, name in (
        ('customer_contracts_on_day', 'contracts'), ('bills_on_day', 'bills'), ('failed_payments_on_day', 'failed'),
        ('balances_on_day', 'balances'), ('usage_on_day', 'usage'), ('care_on_day', 'care'),
        ('changes_of_version', 'changes')
    ) -%}
    left join {{ ref(relation) }} as {{ name }}
        on
            customers.customer_id = {{ name }}.customer_id
            and customers.action_date = {{ name }}.action_date
    {% endfor -%}
    left join {{ ref('customer_segments') }} as segments
        on
            customers.customer_id = segments.customer_id
            and customers.version_id = segments.version_id
    left join opportunities
        on
            segments.household_id = opportunities.household_id
            and segments.version_id = opportunities.version_id
            and opportunities.place = 1
)

select
    *,
    {{ month_start('action_date') }} as month_start_date,
    {% for name in days_to -%}
    {{ days_between('action_date', name ~ '_date') }} as days_to_{{ name }},
    {% endfor -%}
    {% for name in days_since -%}
    {{ days_between(name ~ '_date', 'action_date') }} as days_since_{{ name }},
    {% endfor -%}
    {{ days_between('last_usage_date', 'usage_known_date') }} as days_since_last_usage
from joined
