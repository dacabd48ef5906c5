-- Calls and messages count for whoever held the contract at the end of the month, as traffic does.
select
    states.customer_id,
    call_months.month_end_date,
    cast(sum(call_months.events) as decimal(38, 4)) as events,
    min(call_months.first_call_date) as first_call_date,
    max(call_months.last_call_date) as last_call_date
from {{ ref('call_months') }} as call_months
inner join {{ ref('covariate_months') }} as months
    on call_months.month_end_date = months.month_end_date
inner join {{ ref('contract_states') }} as states
    on
        call_months.contract_id = states.contract_id
        and call_months.month_end_date >= states.valid_from_date
        and (states.valid_to_date is null or call_months.month_end_date < states.valid_to_date)
group by states.customer_id, call_months.month_end_date
