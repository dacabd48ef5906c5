{{ config(materialized='table') }}

with located as (
    select
        contracts.*,
        -- An identifier says more than a text.
        coalesce(contracts.service_address_id, addresses.address_id) as address_id,
        case when contracts.service_address_id is null then addresses.building_id end as building_id,
        contracts.service_address_id is null and addresses.unit <> '' as has_unit
    from {{ ref('stg_contracts') }} as contracts
    left join {{ ref('stg_customers') }} as customers
        on contracts.customer_id = customers.customer_id
    left join {{ source('intermediate', 'service_addresses') }} as addresses
        on
            contracts.service_address = addresses.service_address
            and coalesce(contracts.postal_code, customers.postal_code, '') = addresses.postal_code
            and coalesce(customers.country, '') = addresses.country
),

contracts as (
    select
        contract_id,
        customer_id,
        coalesce(valid_from_date, start_date) as valid_from_date,
        product_code,
        product_family,
        start_date,
        -- An ended contract without a date ended when that became known.
        case
            when end_date is null and status = 'ended' then coalesce(valid_from_date, start_date)
            else end_date
        end as end_date,
        end_reason,
        coalesce(status, 'active') as status,
        -- Without a date the commitment is the first term; whether it was renewed is not known.
        case
            when committed_until_date is not null then committed_until_date
            when term_months > 1 then {{ add_months('start_date', 'term_months') }}
        end as committed_until_date,
        coalesce(term_months, 0) as term_months,
        monthly_fee,
        coalesce(discount_amount, 0) as discount_amount,
        discount_until_date,
        address_id,
        building_id,
        coalesce(has_unit, false) as has_unit,
        access_technology,
        download_mbps,
        data_cap_gb,
        has_static_ip,
        sales_channel,
        reseller_customer_id,
        coalesce(is_prepaid, false) as is_prepaid,
        coalesce(
            monthly_cost,
            {{ money('monthly_fee * ' ~ product_cost_share('product_family')) }}
        ) as monthly_product_cost
    from located
),

dated as (
    select
        *,
        lead(valid_from_date) over (partition by contract_id order by valid_from_date) as valid_to_date,
        -- The main contract of a customer: the main product families in their order, then the higher fee.
        case product_family
            {%- for family in var('features')['main_product_families'] %}
            when {{ text_literal(family) }} then {{ loop.index }}
            {%- endfor %}
            else {{ var('features')['main_product_families'] | length + 1 }}
        end as family_rank
    from contracts
)

select
    contract_id,
    customer_id,
    valid_from_date,
    valid_to_date,
    product_code,
    product_family,
    family_rank,
    start_date,
    end_date,
    end_reason,
    status,
    -- Service that this state accounts for, from the first day until before the last.
    greatest(start_date, valid_from_date) as opens_on_date,
    least(end_date, valid_to_date) as closes_on_date,
    committed_until_date,
    term_months,
    monthly_fee,
    discount_amount,
    discount_until_date,
    monthly_product_cost,
    address_id,
    building_id,
    has_unit,
    access_technology,
    download_mbps,
    data_cap_gb,
    has_static_ip,
    sales_channel,
    reseller_customer_id,
    is_prepaid
from dated
