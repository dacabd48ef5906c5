select
    headroom.version_id,
    headroom.as_of_date,
    headroom.customer_id,
    headroom.product_family,
    headroom.is_held,
    headroom.look_alikes,
    headroom.uptake,
    headroom.look_alike_margin,
    headroom.own_margin,
    headroom.headroom
from {{ source('segments', 'mid_band_headroom') }} as headroom
inner join {{ ref('published_versions') }} as versions
    on headroom.version_id = versions.version_id
