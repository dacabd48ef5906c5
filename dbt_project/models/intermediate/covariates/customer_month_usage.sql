-- Traffic belongs to the customer who held the contract at the end of the month.
select
    states.customer_id,
    counts.month_end_date,
    cast(sum(counts.bytes_down + counts.bytes_up) as bigint) as bytes_total,
    cast(sum(counts.bytes_up) as bigint) as bytes_up,
    min(counts.first_usage_date) as first_usage_date,
    max(counts.last_active_date) as last_active_date
{{ from_covariate_months_of_holders(ref('usage_months')) }}
where counts.usage_days > 0
group by states.customer_id, counts.month_end_date
