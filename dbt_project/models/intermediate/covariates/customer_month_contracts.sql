with open_contracts as (
    select
        contracts.*,
        contracts.monthly_fee - contracts.discount_in_force as net_fee
    from {{ ref('contract_months') }} as contracts
    inner join {{ ref('covariate_months') }} as months
        on contracts.month_end_date = months.month_end_date
    where contracts.is_open
),

-- A join rather than a window: sorting all months of all contracts took most of the model's time.
compared as (
    select
        open_contracts.*,
        ago.net_fee as net_fee_3m_ago
    from open_contracts
    left join open_contracts as ago
        on
            open_contracts.contract_id = ago.contract_id
            and open_contracts.customer_id = ago.customer_id
            and open_contracts.month_number - 3 = ago.month_number
),

held as (
    select
        customer_id,
        month_end_date,
        count(*) as open_contracts,
        sum(case when is_suspended then 1 else 0 end) as suspended_contracts,
        {{ count_of_listed('product_family', product_families(['wholesale', 'other'])) }} as product_families,
        sum(monthly_fee) as monthly_fee,
        sum(discount_in_force) as monthly_discount,
        sum(monthly_product_cost) as monthly_product_cost,
        max(
            case when discount_in_force > 0 then {{ months_between('month_end_date', 'discount_until_date') }} end
        ) as discount_months_left,
        -- Only contracts held at both times: an added product is not a price rise.
        {{ ratio('sum(case when net_fee_3m_ago is not null then net_fee end)', 'sum(net_fee_3m_ago)') }} - 1
            as price_change_3m,
        {{ values_of_first(
            {
                'term_months': 'term_months',
                'commitment_months_left': 'commitment_months_left',
                'committed_month_ends': 'committed_month_ends',
                'months_since_commitment': 'months_since_commitment',
            },
            {'family_rank': 'family_rank', 'lower_fee': '-monthly_fee', 'contract_id': 'contract_id'},
        ) }} as main_contract
    from compared
    group by customer_id, month_end_date
)

select
    held.customer_id,
    held.month_end_date,
    held.open_contracts,
    held.suspended_contracts,
    held.product_families,
    held.monthly_fee,
    held.monthly_discount,
    held.monthly_product_cost,
    held.discount_months_left,
    held.price_change_3m,
    held.main_contract.term_months,
    held.main_contract.commitment_months_left,
    held.main_contract.committed_month_ends,
    held.main_contract.months_since_commitment
from held
