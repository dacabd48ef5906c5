-- Calls and messages belong to the customer who held the contract at the end of the month, as traffic does.
select
    states.customer_id,
    counts.month_end_date,
    cast(sum(counts.events) as decimal(38, 4)) as events,
    min(counts.first_call_date) as first_call_date,
    max(counts.last_call_date) as last_call_date
{{ from_covariate_months_of_holders(ref('call_months')) }}
group by states.customer_id, counts.month_end_date
