with open_contracts as (
    select
        contracts.*,
        contracts.monthly_fee - contracts.discount_in_force as net_fee
    from {{ ref('contract_months') }} as contracts
    inner join {{ ref('covariate_months') }} as months
        on contracts.month_end_date = months.month_end_date
    where contracts.is_open
),

-- Joined and not looked up in windows: sorting every month of every contract took most of the model's time.
compared as (
    select
        open_contracts.*,
        ago.net_fee as net_fee_3m_ago,
        row_number() over (
            partition by open_contracts.customer_id, open_contracts.month_end_date
            order by
                open_contracts.family_rank asc, open_contracts.monthly_fee desc, open_contracts.contract_id asc
        ) as contract_rank
    from open_contracts
    left join open_contracts as ago
        on
            open_contracts.contract_id = ago.contract_id
            and open_contracts.customer_id = ago.customer_id
            and open_contracts.month_number - 3 = ago.month_number
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
from compared
group by customer_id, month_end_date
