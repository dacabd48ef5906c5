{{ config(materialized='table') }}

-- New terms of a plan replace its earlier ones, whether or not an end was set for those.
with begun as (
    select
        months.month_end_date as as_of_date,
        plans.*,
        row_number() over (
            partition by months.month_end_date, plans.plan_code order by plans.valid_from_date desc
        ) as recency
    from {{ ref('months') }} as months
    inner join {{ ref('stg_plans') }} as plans
        on months.month_end_date >= plans.valid_from_date
    where months.is_run_month
)

select
    as_of_date,
    plan_code,
    valid_from_date,
    product_family,
    monthly_fee,
    monthly_product_cost,
    download_mbps,
    data_cap_gb,
    market_segment
from begun
where
    recency = 1
    and coalesce(as_of_date <= valid_until_date, true)
