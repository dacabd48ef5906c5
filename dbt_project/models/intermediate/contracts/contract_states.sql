{{ config(materialized='table') }}

with located as (
    select
        contracts.*,
        -- An identifier is more reliable than a text.
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
        -- An ended contract without an end date ended when that became known.
        case
            when end_date is null and status = 'ended' then coalesce(valid_from_date, start_date)
            else end_date
        end as end_date,
        end_reason,
        coalesce(status, 'active') as status,
        -- Without a date, the commitment is the first term; whether it was renewed is unknown.
        case
            when committed_until_date is not null then committed_until_date
            when term_months > 1
                then least({{ last_day_of_term('start_date', 'term_months') }}, {{ last_date() }})
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
            {{ money(factor('monthly_fee') ~ ' * ' ~ product_cost_share('product_family')) }}
        ) as monthly_product_cost
    from located
),

dated as (
    select
        *,
        lag(valid_from_date) over (partition by contract_id order by valid_from_date) is null as is_first_state,
        lead(valid_from_date) over (partition by contract_id order by valid_from_date) as valid_to_date,
        min(case when status <> 'pending' then valid_from_date end) over (partition by contract_id) as first_known_date,
        case when end_date is not null then min(valid_from_date) over (partition by contract_id, end_date) end
            as end_told_date,
        -- Picks a customer's main contract: the main product families in their order, then the higher fee.
        case product_family
            {%- for family in var('features')['main_product_families'] %}
            when {{ text_literal(family) }} then {{ loop.index }}
            {%- endfor %}
            else {{ var('features')['main_product_families'] | length + 1 }}
        end as family_rank
    from contracts
),

-- The days that a state accounts for, possibly none. The first state accounts for all days since the first day of
-- service, however late it was recorded.
accounted as (
    select
        *,
        greatest(start_date, valid_from_date) as opens_on_date,
        least(end_date, valid_to_date) as closes_on_date,
        case
            when valid_from_date = first_known_date then start_date
            else greatest(start_date, valid_from_date)
        end as serves_from_date
    from dated
),

judged as (
    select
        *,
        status <> 'pending' and coalesce(closes_on_date > serves_from_date, true) as is_served,
        -- A planned service replaced by a later state before it began; it says nothing about other services.
        status <> 'pending'
        and coalesce(end_date > serves_from_date, true)
        and coalesce(valid_to_date <= serves_from_date, false) as is_overtaken
    from accounted
),

held as (
    select
        *,
        last_value(case when is_served then customer_id end ignore nulls) over states_so_far as holder_id,
        last_value(case when is_served then customer_id end ignore nulls) over states_before as holder_before_id,
        max(case when is_served then closes_on_date end) over states_before as served_before_until_date
    from judged
    window
        states_so_far as (
            partition by contract_id order by valid_from_date
            rows between unbounded preceding and current row
        ),
        states_before as (
            partition by contract_id order by valid_from_date
            rows between unbounded preceding and 1 preceding
        )
),

-- Another holder, or days without service, start a new service.
counted as (
    select
        *,
        is_served
        and (
            holder_before_id is null
            or holder_before_id <> customer_id
            or served_before_until_date < serves_from_date
        ) as begins_service
    from held
),

numbered as (
    select
        *,
        case
            when holder_id = customer_id and not is_overtaken
                then sum(case when begins_service then 1 else 0 end) over (
                    partition by contract_id order by valid_from_date
                    rows between unbounded preceding and current row
                )
        end as service_number
    from counted
),

services as (
    select
        *,
        max(case when begins_service then serves_from_date end) over (
            partition by contract_id, service_number
        ) as service_start_date,
        case when is_served then closes_on_date else served_before_until_date end as served_until_date,
        lead(valid_from_date) over (
            partition by contract_id, service_number order by valid_from_date
        ) as next_state_of_service_date
    from numbered
)

select
    contract_id,
    customer_id,
    valid_from_date,
    valid_to_date,
    is_first_state,
    product_code,
    product_family,
    family_rank,
    start_date,
    end_date,
    end_told_date,
    end_reason,
    status,
    opens_on_date,
    closes_on_date,
    serves_from_date,
    is_served,
    cast(service_number as integer) as service_number,
    case when service_number is not null then service_start_date end as service_start_date,
    case when service_number is not null then served_until_date end as served_until_date,
    case when service_number is not null then next_state_of_service_date end as next_state_of_service_date,
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
from services
