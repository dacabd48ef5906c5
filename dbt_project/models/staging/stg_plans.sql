select
    plan_code,
    valid_from_date,
    valid_until_date,
    product_family,
    monthly_fee,
    coalesce(
        monthly_cost,
        {{ money(factor('monthly_fee') ~ ' * ' ~ product_cost_share('product_family')) }}
    ) as monthly_product_cost,
    download_mbps,
    data_cap_gb,
    market_segment,
    _load_id
from {{ source('raw', 'plans') }}
