select
    fits.version_id,
    fits.as_of_date,
    fits.contract_id,
    fits.customer_id,
    fits.product_family,
    fits.plan_code,
    fits.net_fee,
    fits.months_known,
    fits.plan_fit,
    fits.pressed_months_share,
    fits.full_months_share,
    fits.fast_months_share,
    fits.most_cap_share,
    fits.most_rate_share,
    fits.most_gb,
    fits.peer_fee,
    fits.equal_plan_fee,
    fits.recommendation,
    fits.best_plan_code,
    fits.best_plan_fee,
    fits.monthly_margin_change,
    fits.avoided_loss,
    fits.reason
from {{ ref('plan_fit') }} as fits
inner join {{ ref('published_versions') }} as versions
    on fits.version_id = versions.version_id
