{{ config(materialized='table') }}

select
    months.month_end_date as as_of_date,
    plans.plan_code,
    plans.valid_from_date,
    plans.product_family,
    plans.monthly_fee,
    plans.monthly_product_cost,
    plans.download_mbps,
    plans.data_cap_gb,
    plans.market_segment
from {{ ref('months') }} as months
inner join {{ ref('stg_plans') }} as plans
    on
        months.month_end_date >= plans.valid_from_date
        and coalesce(months.month_end_date <= plans.valid_until_date, true)
where months.is_run_month
