{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

-- Quarterly aggregates only, and never the destinations of traffic.
with features as (
    select * from {{ ref('customer_features') }}
),

customers as (
    select * from {{ ref('stg_customers') }}
),

lines as (
    select
        contracts.customer_id,
        contracts.month_end_date as as_of_date,
        count(*) as lines
    from {{ ref('contract_months') }} as contracts
    inner join {{ ref('months') }} as months
        on contracts.month_end_date = months.month_end_date
    where
        contracts.is_open
        and contracts.product_family in ('internet', 'fixed_voice')
        and months.is_run_month
    group by contracts.customer_id, contracts.month_end_date
)

select
    features.as_of_date,
    features.customer_id,
    features.market_segment = 'small_business' as is_business,
    coalesce(customers.do_not_contact, false) as is_opted_out,
    features.market_segment = 'employee' as is_provided_by_employer,
    customers.has_tax_number,
    features.has_static_ip,
    coalesce(lines.lines, 0) >= 2 as has_second_line,
    coalesce(features.usage_days_3m, 0) as usage_days_3m,
    features.upload_share_3m,
    -- Bytes of an average weekend day over those of an average weekday: one means no difference.
    cast(
        {{ ratio('features.weekend_share_3m * 5', '(1 - features.weekend_share_3m) * 2') }} as double
    ) as weekend_day_ratio_3m,
    features.business_hours_share_3m
from features
inner join {{ ref('months') }} as months
    on features.as_of_date = months.month_end_date
inner join customers
    on features.customer_id = customers.customer_id
left join lines
    on
        features.customer_id = lines.customer_id
        and features.as_of_date = lines.as_of_date
where
    months.is_run_month
    and features.is_open
    and features.has_internet
    and (features.customer_type = 'person' or features.market_segment = 'small_business')
