{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

select
    versions.version_id,
    versions.as_of_date,
    market.customer_id,
    market.market_segment,
    market.rule_id,
    market.reason,
    market.is_override,
    market.population
from {{ ref('market_segments_as_of') }} as market
inner join {{ ref('versions_in_force') }} as versions
    on
        market.as_of_date = versions.as_of_date
        and versions.is_candidate
