{#- Persons with a contract open on the as-of date; who has left no longer lives at the address of the service. -#}
{%- set limits = var('household') -%}
with run_months as (
    select month_end_date as as_of_date
    from {{ ref('months') }}
    where is_run_month
),

open_contracts as (
    select
        run_months.as_of_date,
        states.customer_id,
        states.product_family,
        states.service_address_id,
        row_number() over (
            partition by run_months.as_of_date, states.customer_id
            order by
                case when states.service_address_id is null then 1 else 0 end asc,
                states.family_rank asc,
                states.monthly_fee desc,
                states.contract_id asc
        ) as address_rank
    from run_months
    inner join {{ ref('contract_states') }} as states
        on
            states.valid_from_date <= run_months.as_of_date
            and (states.valid_to_date is null or states.valid_to_date > run_months.as_of_date)
            and states.start_date <= run_months.as_of_date
            and (states.end_date is null or states.end_date > run_months.as_of_date)
    where states.status <> 'pending'
),

holders as (
    select
        as_of_date,
        customer_id,
        max(case when address_rank = 1 then service_address_id end) as contract_address_id,
        max(case when product_family = 'internet' then 1 else 0 end) as internet_lines
    from open_contracts
    group by as_of_date, customer_id
),

persons as (
    select
        holders.as_of_date,
        holders.customer_id,
        customers.household_id,
        -- The address of the contract is dated, that of the customer is the latest.
        coalesce(holders.contract_address_id, customers.service_address_id) as address_id,
        holders.internet_lines
    from holders
    inner join {{ ref('stg_customers') }} as customers
        on holders.customer_id = customers.customer_id
    where customers.customer_type = 'person'
),

-- An identifier that many share is a placeholder.
given as (
    select
        *,
        case
            when
                count(household_id) over (partition by as_of_date, household_id)
                between 1 and {{ limits['most_members'] | int }}
                then household_id
        end as given_id
    from persons
),

addresses as (
    select
        as_of_date,
        address_id,
        count(*) as address_customers,
        min(given_id) as given_id,
        count(*) > {{ limits['most_members'] | int }}
        or sum(internet_lines) > {{ limits['most_internet_lines'] | int }} as is_building,
        count(distinct given_id) = 1 as is_of_one_given
    from given
    where address_id is not null
    group by as_of_date, address_id
),

based as (
    select
        given.as_of_date,
        given.customer_id,
        coalesce(given.given_id, case when addresses.is_of_one_given then addresses.given_id end) as given_id,
        given.address_id,
        coalesce(addresses.address_customers, 1) as address_customers,
        case
            when given.given_id is not null then 'given'
            when addresses.address_id is null then 'unknown_address'
            when addresses.is_building then 'building'
            else 'address'
        end as household_basis
    from given
    left join addresses
        on
            given.as_of_date = addresses.as_of_date
            and given.address_id = addresses.address_id
)

select
    as_of_date,
    customer_id,
    household_basis,
    cast(address_customers as integer) as address_customers,
    -- Made from what the household is known by, so that it is the same in every month.
    'H' || substr(
        md5(
            case
                when household_basis in ('unknown_address', 'building') then 'customer ' || customer_id
                when given_id is not null then 'given ' || given_id
                else 'address ' || address_id
            end
        ), 1, 16
    ) as household_id
from based
