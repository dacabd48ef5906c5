-- Traffic counts for whoever held the contract at the end of the month.
select
    states.customer_id,
    usage_months.month_end_date,
    cast(sum(usage_months.bytes_down + usage_months.bytes_up) as bigint) as bytes_total,
    cast(sum(usage_months.bytes_up) as bigint) as bytes_up,
    min(usage_months.first_usage_date) as first_usage_date,
    max(usage_months.last_active_date) as last_active_date
from {{ ref('usage_months') }} as usage_months
inner join {{ ref('covariate_months') }} as months
    on usage_months.month_end_date = months.month_end_date
inner join {{ ref('contract_states') }} as states
    on
        usage_months.contract_id = states.contract_id
        and usage_months.month_end_date >= states.valid_from_date
        and (states.valid_to_date is null or usage_months.month_end_date < states.valid_to_date)
where usage_months.usage_days > 0
group by states.customer_id, usage_months.month_end_date
