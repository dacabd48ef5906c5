with price_changes as (
    select
        contracts.action_date,
        contracts.customer_id,
        min(changes.effective_date) as price_rise_date,
        sum(changes.new_monthly_fee - contracts.monthly_fee) as price_rise_amount
    from {{ ref('contracts_on_day') }} as contracts
    inner join {{ ref('stg_price_changes') }} as changes
        on
            contracts.contract_id = changes.contract_id
            and contracts.action_date >= changes.announced_date
            and contracts.action_date < changes.effective_date
    where
        contracts.is_open
        and changes.new_monthly_fee > contracts.monthly_fee
    group by contracts.action_date, contracts.customer_id
),

held as (
    select
        action_date,
        customer_id,
        count(*) as open_contracts,
        min(start_date) as service_start_date,
        {{ money('sum(monthly_fee)') }} as monthly_fee,
        {{ money('sum(case when discount_until_date >= action_date then discount_amount else 0 end)') }}
            as monthly_discount,
        min(case when discount_until_date >= action_date and discount_amount > 0 then discount_until_date end)
            as discount_end_date,
        min(case when commitment_end_date >= action_date then commitment_end_date end) as commitment_end_date,
        min(
            case
                when commitment_end_date >= action_date and reseller_customer_id is not null
                    then commitment_end_date
            end
        ) as reseller_commitment_end_date,
        min(case when is_prepaid then 1 else 0 end) = 1 as is_prepaid
    from {{ ref('contracts_on_day') }}
    where is_open
    group by action_date, customer_id
),

-- A customer who held nothing on the day before the present service began has returned.
ended as (
    select
        held.action_date,
        held.customer_id,
        max(contracts.end_date) as last_end_date
    from held
    inner join {{ ref('contracts_on_day') }} as contracts
        on
            held.action_date = contracts.action_date
            and held.customer_id = contracts.customer_id
            and held.service_start_date > contracts.start_date
    where
        not contracts.is_open
        and contracts.end_date > contracts.start_date
    group by held.action_date, held.customer_id
)

select
    held.*,
    case when ended.last_end_date < held.service_start_date then held.service_start_date end as return_date,
    price_changes.price_rise_date,
    {{ money('price_changes.price_rise_amount') }} as price_rise_amount
from held
left join ended
    on
        held.action_date = ended.action_date
        and held.customer_id = ended.customer_id
left join price_changes
    on
        held.action_date = price_changes.action_date
        and held.customer_id = price_changes.customer_id
