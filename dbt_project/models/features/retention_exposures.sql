{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

-- A customer open at a month end with spell_months behind it is at risk over the next month. A span of months in
-- which its cohort does not change adds one to each of its spell_months: counted at both ends and summed up.
with books as (
    select min(month_number) as first_month_in_books
    from {{ ref('months') }}
    where is_in_books
),

run_months as (
    select
        months.month_end_date as as_of_date,
        months.month_number,
        books.first_month_in_books
    from {{ ref('months') }} as months
    cross join books
    where months.is_run_month
),

spans as (
    select
        run_months.as_of_date,
        market.population as retention_market,
        market.market_segment,
        spans.retention_product,
        spans.retention_term,
        spans.is_committed,
        greatest(spans.first_month, run_months.first_month_in_books) - spans.spell_first_month as first_spell_months,
        least(spans.last_month, run_months.month_number - 1) - spans.spell_first_month as last_spell_months,
        case when spans.ends_spell and spans.last_month < run_months.month_number then 1 else 0 end as churned
    from run_months
    inner join {{ ref('customer_spans') }} as spans
        on run_months.month_number > spans.first_month
    inner join {{ ref('market_segments_as_of') }} as market
        on
            spans.customer_id = market.customer_id
            and run_months.as_of_date = market.as_of_date
    -- Nobody tells when a prepaid customer has left.
    where not spans.is_prepaid
),

observed as (
    select * from spans
    where first_spell_months <= last_spell_months
),

changes as (
    select
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        first_spell_months as spell_months,
        count(*) as at_risk_change,
        0 as churned
    from observed
    group by
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        first_spell_months

    union all

    select
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        last_spell_months + 1 as spell_months,
        -count(*) as at_risk_change,
        0 as churned
    from observed
    group by
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        last_spell_months

    union all

    select
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        last_spell_months as spell_months,
        0 as at_risk_change,
        sum(churned) as churned
    from observed
    group by
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        last_spell_months
),

cohorts as (
    select
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        min(spell_months) as first_spell_months,
        max(spell_months) as last_spell_months
    from changes
    group by as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed
),

every_month as (
    select
        cohorts.as_of_date,
        cohorts.retention_market,
        cohorts.market_segment,
        cohorts.retention_product,
        cohorts.retention_term,
        cohorts.is_committed,
        numbers.number as spell_months,
        0 as at_risk_change,
        0 as churned
    from cohorts
    inner join {{ thousand_numbers() }} as numbers
        on
            cohorts.first_spell_months <= numbers.number
            and cohorts.last_spell_months > numbers.number
),

counted as (
    select
        as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed,
        spell_months,
        sum(sum(at_risk_change)) over (
            partition by as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed
            order by spell_months
            rows between unbounded preceding and current row
        ) as customers_at_risk,
        sum(churned) as customers_churned
    from (
        select * from changes
        union all
        select * from every_month
    ) as all_changes
    group by as_of_date, retention_market, market_segment, retention_product, retention_term, is_committed, spell_months
)

select
    as_of_date,
    retention_market,
    market_segment,
    retention_product,
    retention_term,
    is_committed,
    cast(spell_months as integer) as spell_months,
    cast(customers_at_risk as bigint) as customers_at_risk,
    cast(customers_churned as bigint) as customers_churned
from counted
where customers_at_risk > 0
