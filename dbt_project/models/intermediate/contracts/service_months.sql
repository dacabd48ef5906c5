-- Each day belongs to the state in force on it, as known at the end of the month: a state recorded after the end that
-- it reports revokes the days since that end.
with late_ends as (
    select
        contract_id,
        valid_from_date as known_from_date,
        end_date
    from {{ ref('contract_states') }}
    where end_date < valid_from_date
),

late_contracts as (
    select distinct contract_id
    from late_ends
),

states as (
    select
        states.contract_id,
        states.customer_id,
        states.monthly_product_cost,
        states.valid_from_date,
        states.serves_from_date,
        states.closes_on_date,
        late_contracts.contract_id is not null as has_late_end
    from {{ ref('contract_states') }} as states
    left join late_contracts
        on states.contract_id = late_contracts.contract_id
    where states.is_served
),

-- There are few of these, so they are joined to months separately from the states of all other contracts.
taken_back as (
    select
        states.contract_id,
        states.valid_from_date,
        months.month_end_date,
        min(late_ends.end_date) as end_date
    from late_ends
    inner join states
        on
            late_ends.contract_id = states.contract_id
            and late_ends.known_from_date > states.valid_from_date
    inner join {{ ref('months') }} as months
        on late_ends.known_from_date <= months.month_end_date
    group by states.contract_id, states.valid_from_date, months.month_end_date
),

served as (
    select
        months.month_end_date,
        months.days_in_month,
        states.contract_id,
        states.customer_id,
        states.monthly_product_cost,
        states.valid_from_date,
        states.has_late_end,
        greatest(states.serves_from_date, months.month_start_date) as from_date,
        least(states.closes_on_date, {{ add_days('months.month_end_date', 1) }}) as until_date,
        states.serves_from_date <= months.month_start_date
        and coalesce(states.closes_on_date > months.month_end_date, true)
        and not states.has_late_end as is_whole_month
    from {{ ref('months') }} as months
    inner join states
        on
            states.valid_from_date <= months.month_end_date
            and states.serves_from_date <= months.month_end_date
            and (states.closes_on_date is null or states.closes_on_date > months.month_start_date)
    where months.is_in_books
),

parts_of_months as (
    select
        served.month_end_date,
        served.days_in_month,
        served.contract_id,
        served.customer_id,
        served.monthly_product_cost,
        served.from_date,
        least(served.until_date, taken_back.end_date) as until_date
    from served
    left join taken_back
        on
            served.contract_id = taken_back.contract_id
            and served.valid_from_date = taken_back.valid_from_date
            and served.month_end_date = taken_back.month_end_date
    where not served.is_whole_month
)

-- A state in force all month is the only one and costs its monthly cost; only the others are summed.
select
    month_end_date,
    contract_id,
    customer_id,
    days_in_month as service_days,
    {{ money('monthly_product_cost') }} as product_cost
from served
where is_whole_month

union all

select
    month_end_date,
    contract_id,
    customer_id,
    cast(sum({{ days_between('from_date', 'until_date') }}) as integer) as service_days,
    {{ money(
        'monthly_product_cost * sum(' ~ days_between('from_date', 'until_date') ~ ') / days_in_month'
    ) }} as product_cost
from parts_of_months
where from_date < until_date
group by month_end_date, days_in_month, contract_id, customer_id, monthly_product_cost
