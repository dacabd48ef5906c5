with open_contracts as (
    select
        contracts.*,
        contracts.monthly_fee - contracts.discount_in_force as net_fee,
        max(contracts.monthly_fee - contracts.discount_in_force) over (
            partition by contracts.customer_id, contracts.contract_id order by contracts.month_number
            range between 3 preceding and 3 preceding
        ) as net_fee_3m_ago,
        row_number() over (
            partition by contracts.customer_id, contracts.month_end_date
            order by contracts.family_rank asc, contracts.monthly_fee desc, contracts.contract_id asc
        ) as contract_rank
    from {{ ref('contract_months') }} as contracts
    inner join {{ ref('covariate_months') }} as months
        on contracts.month_end_date = months.month_end_date
    where contracts.is_open
)

select
    customer_id,
    month_end_date,
    count(*) as open_contracts,
    sum(case when is_suspended then 1 else 0 end) as suspended_contracts,
    count(distinct product_family) as product_families,
    sum(monthly_fee) as monthly_fee,
    sum(discount_in_force) as monthly_discount,
    sum(monthly_product_cost) as monthly_product_cost,
    max(
        case when discount_in_force > 0 then {{ months_between('month_end_date', 'discount_until_date') }} end
    ) as discount_months_left,
    -- Of the contracts held at both times: another product is no rise in price.
    {{ ratio('sum(case when net_fee_3m_ago is not null then net_fee end)', 'sum(net_fee_3m_ago)') }} - 1
        as price_change_3m,
    max(case when contract_rank = 1 then term_months end) as term_months,
    max(case when contract_rank = 1 then commitment_months_left end) as commitment_months_left,
    max(case when contract_rank = 1 then months_since_commitment end) as months_since_commitment
from open_contracts
group by customer_id, month_end_date
