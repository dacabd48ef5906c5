{{ config(materialized='table') }}

{#- Persons with a contract open on the as-of date; who has left no longer lives at the address of the service. -#}
{%- set limits = var('household') -%}
with open_contracts as (
    select
        as_of_date,
        customer_id,
        product_family,
        address_id,
        building_id,
        has_unit,
        row_number() over (
            partition by as_of_date, customer_id
            order by
                case when address_id is null then 1 else 0 end asc,
                family_rank asc,
                monthly_fee desc,
                contract_id asc
        ) as address_rank
    from {{ ref('contracts_as_of') }}
    where
        start_date <= as_of_date
        and (end_date is null or end_date > as_of_date)
),

holders as (
    select
        as_of_date,
        customer_id,
        max(case when address_rank = 1 then address_id end) as address_id,
        max(case when address_rank = 1 then building_id end) as building_id,
        max(case when address_rank = 1 and has_unit then 1 else 0 end) = 1 as has_unit,
        max(case when product_family = 'internet' then 1 else 0 end) as internet_lines
    from open_contracts
    group by as_of_date, customer_id
),

persons as (
    select
        holders.as_of_date,
        holders.customer_id,
        customers.household_id,
        -- The address of the contract is dated, that of the customer the latest; an identifier says more than a text.
        coalesce(holders.address_id, customers.service_address_id, addresses.address_id) as address_id,
        case
            when holders.address_id is not null then holders.building_id
            when customers.service_address_id is null then addresses.building_id
        end as building_id,
        case
            when holders.address_id is not null then holders.has_unit
            else customers.service_address_id is null and coalesce(addresses.unit <> '', false)
        end as has_unit,
        holders.internet_lines
    from holders
    inner join {{ ref('stg_customers') }} as customers
        on holders.customer_id = customers.customer_id
    left join {{ source('intermediate', 'service_addresses') }} as addresses
        on
            customers.service_address = addresses.service_address
            and coalesce(customers.postal_code, '') = addresses.postal_code
            and coalesce(customers.country, '') = addresses.country
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

-- The address of a house in which others name their unit is no dwelling.
divided as (
    select
        as_of_date,
        building_id
    from given
    where has_unit
    group by as_of_date, building_id
    having count(distinct address_id) >= {{ limits['units_of_a_building'] | int }}
),

addresses as (
    select
        given.as_of_date,
        given.address_id,
        count(*) as address_customers,
        min(given.given_id) as given_id,
        count(*) > {{ limits['most_members'] | int }}
        or sum(given.internet_lines) > {{ limits['most_internet_lines'] | int }}
        or count(divided.building_id) > 0 as is_building,
        count(distinct given.given_id) = 1 as is_of_one_given
    from given
    left join divided
        on
            given.as_of_date = divided.as_of_date
            and given.building_id = divided.building_id
            and not given.has_unit
    where given.address_id is not null
    group by given.as_of_date, given.address_id
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
