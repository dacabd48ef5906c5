-- How far ahead the endings of the year to each as-of date (for all seasons) were announced, as known then. Nobody
-- gives notice of a prepaid line.
with run_months as (
    select
        month_end_date as as_of_date,
        {{ add_months('month_end_date', -12) }} as year_before_date
    from {{ ref('months') }}
    where is_run_month
),

endings as (
    select
        run_months.as_of_date,
        -- An end found in the first state may have been added to it later, so its lead time is unknown.
        case
            when states.end_told_date > states.start_date and states.end_told_date < states.end_date
                then {{ days_between('states.end_told_date', 'states.end_date') }}
            else 0
        end as lead_days
    from run_months
    inner join {{ ref('contract_states') }} as states
        on
            states.valid_from_date <= run_months.as_of_date
            and coalesce(states.valid_to_date > run_months.as_of_date, true)
            and states.end_date > run_months.year_before_date
            and states.end_date <= run_months.as_of_date
            and states.end_date > states.start_date
    where not coalesce(states.is_prepaid, false)
)

select
    as_of_date,
    lead_days,
    count(*) as endings
from endings
group by as_of_date, lead_days
