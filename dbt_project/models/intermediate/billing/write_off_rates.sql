-- What is lost of what is billed, over the last twelve months of each population.
select
    market.as_of_date,
    market.population,
    coalesce(
        greatest({{ ratio('sum(margins.written_off)', 'sum(margins.net_invoiced - margins.credited)') }}, 0), 0
    ) as write_off_rate
from {{ ref('market_segments_as_of') }} as market
inner join {{ ref('margin_months') }} as margins
    on
        market.customer_id = margins.customer_id
        and market.as_of_date >= margins.month_end_date
        and {{ month_end(add_months('market.as_of_date', -12)) }} < margins.month_end_date
group by market.as_of_date, market.population
