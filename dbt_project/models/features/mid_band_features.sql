{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

{%- set mid_band = var('mid_band') -%}
{%- set families = product_families() %}

with features as (
    select * from {{ ref('customer_features') }}
),

market as (
    select * from {{ ref('market_segments_as_of') }}
),

run_months as (
    select
        month_end_date as as_of_date,
        {{ month_end(add_months('month_end_date', -12)) }} as year_before_date
    from {{ ref('months') }}
    where is_run_month
),

-- By staff of the whole group, else by its revenue. Companies with neither are not called mid-size.
companies as (
    select
        market.customer_id,
        market.as_of_date,
        market.group_employee_count as employees
    from market
    where
        market.market_segment in ({{ text_list(mid_band['market_segments']) }})
        and (
            market.group_employee_count
            between {{ mid_band['minimum_employees'] }} and {{ mid_band['maximum_employees'] }}
            or (
                market.group_employee_count is null
                and market.group_annual_revenue
                between {{ mid_band['minimum_revenue'] }} and {{ mid_band['maximum_revenue'] }}
            )
        )
),

-- Contracts added within the year and still held, and contracts held a year ago that have ended since.
changes as (
    select
        companies.as_of_date,
        companies.customer_id,
        sum(
            case
                when
                    contracts.start_date > run_months.year_before_date
                    and (contracts.end_date is null or contracts.end_date > companies.as_of_date)
                    then 1
                else 0
            end
        ) as contracts_added_12m,
        sum(
            case
                when
                    contracts.start_date <= run_months.year_before_date
                    and contracts.end_date > run_months.year_before_date
                    and contracts.end_date <= companies.as_of_date
                    then 1
                else 0
            end
        ) as contracts_ended_12m
    from companies
    inner join run_months
        on companies.as_of_date = run_months.as_of_date
    inner join {{ ref('contracts_as_of') }} as contracts
        on
            companies.customer_id = contracts.customer_id
            and companies.as_of_date = contracts.as_of_date
    group by companies.as_of_date, companies.customer_id
),

held as (
    select
        companies.as_of_date,
        contracts.customer_id,
        contracts.product_family,
        contracts.address_id,
        contracts.access_technology,
        contracts.monthly_fee - contracts.discount_in_force as net_fee,
        contracts.monthly_fee - contracts.discount_in_force - contracts.monthly_product_cost as margin,
        case
            when contracts.reseller_customer_id is not null and placeholders.named_id is null then 1
            when contracts.sales_channel is null then null
            when contracts.sales_channel in ({{ text_list(mid_band['reseller_sales_channels']) }}) then 1
            else 0
        end as is_resold
    from companies
    inner join {{ ref('contract_months') }} as contracts
        on
            companies.customer_id = contracts.customer_id
            and companies.as_of_date = contracts.month_end_date
    left join {{ ref('placeholder_customers_as_of') }} as placeholders
        on
            contracts.month_end_date = placeholders.as_of_date
            and contracts.reseller_customer_id = placeholders.named_id
            and placeholders.reference = 'reseller'
    where contracts.is_open
),

lines as (
    select
        as_of_date,
        customer_id,
        -- A contract without an address counts as being at one of the known sites.
        greatest(count(distinct address_id), 1) as sites,
        {% for family in families -%}
        sum(case when product_family = '{{ family }}' then 1 else 0 end) as {{ family }}_lines,
        sum(case when product_family = '{{ family }}' then margin else 0 end) as {{ family }}_margin,
        {% endfor -%}
        {{ ratio(
            "sum(case when product_family = 'internet' and access_technology = 'fiber' then 1 else 0 end)",
            "sum(case when product_family = 'internet' and access_technology is not null then 1 else 0 end)"
        ) }} as fiber_share,
        {{ ratio(
            'sum(is_resold * net_fee)', 'sum(case when is_resold is not null then net_fee end)'
        ) }} as resold_share
    from held
    group by as_of_date, customer_id
)

select
    features.as_of_date,
    features.customer_id,
    features.market_segment,
    cast(companies.employees as integer) as employees,
    features.tenure_months,
    features.open_contracts,
    cast(lines.sites as integer) as sites,
    {% for family in families -%}
    lines.{{ family }}_lines > 0 as has_{{ family }},
    cast(lines.{{ family }}_lines as integer) as {{ family }}_lines,
    cast(lines.{{ family }}_margin as decimal(18, 4)) as {{ family }}_margin,
    {% endfor -%}
    features.download_mbps,
    cast(lines.fiber_share as double) as fiber_share,
    features.has_static_ip,
    features.outage_minutes_3m,
    features.term_months,
    features.gb_month_3m,
    features.business_hours_share_3m,
    case
        when features.tenure_months >= 12 then cast(changes.contracts_added_12m as integer)
    end as contracts_added_12m,
    case
        when features.tenure_months >= 12 then cast(changes.contracts_ended_12m as integer)
    end as contracts_ended_12m,
    features.contacts_3m,
    features.complaints_3m,
    cast(lines.resold_share as double) as resold_share,
    features.monthly_fee,
    features.expected_monthly_margin
from features
inner join companies
    on
        features.customer_id = companies.customer_id
        and features.as_of_date = companies.as_of_date
inner join lines
    on
        features.customer_id = lines.customer_id
        and features.as_of_date = lines.as_of_date
inner join changes
    on
        features.customer_id = changes.customer_id
        and features.as_of_date = changes.as_of_date
where features.is_open
