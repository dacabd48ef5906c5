{{ config(materialized='table') }}

with run_months as (
    select
        month_end_date as as_of_date,
        month_number
    from {{ ref('months') }}
    where is_run_month
),

-- Everything served by the as-of date, including what the customer no longer holds.
started as (
    select
        as_of_date,
        customer_id,
        min(start_date) as first_start_date,
        max(case when end_date <= as_of_date then end_date end) as last_end_date
    from {{ ref('contracts_as_of') }}
    group by as_of_date, customer_id
),

-- What the customers who have left held last: their top-ups show how long prepaid customers stay.
last_held as (
    select
        started.as_of_date,
        started.customer_id,
        min(case when contracts.is_prepaid then 1 else 0 end) = 1 as is_prepaid
    from started
    inner join {{ ref('contracts_as_of') }} as contracts
        on
            started.as_of_date = contracts.as_of_date
            and started.customer_id = contracts.customer_id
            and started.last_end_date = contracts.end_date
    group by started.as_of_date, started.customer_id
),

spells as (
    select
        run_months.as_of_date,
        spans.customer_id,
        max(spans.spell_number) as spells,
        max(spans.spell_first_month) as spell_first_month,
        max(spans.spell_start_date) as spell_start_date,
        max(spans.last_month) >= max(run_months.month_number) as is_open,
        max(case when spans.last_month >= run_months.month_number then spans.retention_product end)
            as retention_product,
        max(case when spans.last_month >= run_months.month_number then spans.retention_term end)
            as retention_term,
        max(case when spans.last_month >= run_months.month_number and spans.is_committed then 1 else 0 end) = 1
            as is_committed,
        max(run_months.month_number) as month_number
    from run_months
    inner join {{ ref('customer_spans') }} as spans
        on spans.first_month <= run_months.month_number
    group by run_months.as_of_date, spans.customer_id
),

-- A customer has given notice if every open contract is under notice.
notices as (
    select
        as_of_date,
        customer_id,
        case
            when count(*) = count(notice_end_date)
                then cast({{ month_number('max(notice_end_date)') }} - {{ month_number('as_of_date') }} - 1 as integer)
        end as notice_months_left
    from {{ ref('contracts_as_of') }}
    where end_date is null or end_date > as_of_date
    group by as_of_date, customer_id
),

-- The run's months, and the months a quarter before for comparison.
compared_months as (
    select as_of_date as month_end_date from run_months
    union
    select {{ month_end(add_months('as_of_date', -3)) }} as month_end_date from run_months
),

open_contracts as (
    select
        months.*,
        row_number() over (
            partition by months.customer_id, months.month_end_date
            order by months.family_rank asc, months.monthly_fee desc, months.contract_id asc
        ) as contract_rank
    from {{ ref('contract_months') }} as months
    inner join compared_months
        on months.month_end_date = compared_months.month_end_date
    where months.is_open
),

products as (
    select
        customer_id,
        month_end_date as as_of_date,
        count(*) as open_contracts,
        sum(case when is_suspended then 1 else 0 end) as suspended_contracts,
        count(distinct product_family) as product_families,
        {% for family in product_families(['wholesale']) -%}
        max(case when product_family = '{{ family }}' then 1 else 0 end) = 1 as has_{{ family }},
        min(case when product_family = '{{ family }}' then start_date end) as {{ family }}_since_date,
        {% endfor -%}
        sum(monthly_fee) as monthly_fee,
        sum(discount_in_force) as monthly_discount,
        max(
            case
                when discount_in_force > 0 then {{ months_between('month_end_date', 'discount_until_date') }}
            end
        ) as discount_months_left,
        sum(monthly_product_cost) as monthly_product_cost,
        max(case when contract_rank = 1 then term_months end) as term_months,
        max(case when contract_rank = 1 then commitment_months_left end) as commitment_months_left,
        max(case when contract_rank = 1 then committed_month_ends end) as committed_month_ends,
        max(case when contract_rank = 1 then access_technology end) as access_technology,
        max(download_mbps) as download_mbps,
        max(case when has_static_ip then 1 else 0 end) = 1 as has_static_ip,
        -- With one contract billed monthly, the customer leaves as postpaid customers do.
        min(case when is_prepaid then 1 else 0 end) = 1 as is_prepaid,
        max(
            case when product_family in ({{ text_list(var('features')['main_product_families']) }}) then 1 else 0 end
        ) = 1 as has_main_product
    from open_contracts
    group by customer_id, month_end_date
),

-- Price rises of contracts held now and a quarter ago, and otherwise unchanged.
price_effects as (
    select
        contracts.customer_id,
        contracts.month_end_date as as_of_date,
        sum(contracts.monthly_fee - before.monthly_fee) as price_effect_3m
    from open_contracts as contracts
    inner join run_months
        on contracts.month_end_date = run_months.as_of_date
    inner join open_contracts as before
        on
            contracts.contract_id = before.contract_id
            and contracts.customer_id = before.customer_id
            and before.month_end_date = {{ month_end(add_months('contracts.month_end_date', -3)) }}
            and contracts.product_code = before.product_code
            and coalesce(contracts.download_mbps, 0) = coalesce(before.download_mbps, 0)
    group by contracts.customer_id, contracts.month_end_date
)

select
    started.customer_id,
    started.as_of_date,
    started.first_start_date,
    {{ months_between('started.first_start_date', 'started.as_of_date') }} as tenure_months,
    {{ days_between('started.first_start_date', 'started.as_of_date') }} as tenure_days,
    spells.spell_start_date,
    cast(spells.month_number - spells.spell_first_month as integer) as spell_months,
    coalesce(spells.spells, 0) as spells,
    coalesce(spells.is_open, false) as is_open,
    coalesce(products.open_contracts, 0) as open_contracts,
    coalesce(products.suspended_contracts, 0) as suspended_contracts,
    case when not coalesce(spells.is_open, false) then started.last_end_date end as service_end_date,
    case
        when not coalesce(spells.is_open, false)
            then {{ days_between('started.last_end_date', 'started.as_of_date') }}
    end as days_since_service_end,
    case
        when spells.is_open and spells.spells > 1
            then cast(spells.month_number - spells.spell_first_month as integer)
    end as months_since_win_back,
    coalesce(products.product_families, 0) as product_families,
    {% for family in product_families(['wholesale']) -%}
    coalesce(products.has_{{ family }}, false) as has_{{ family }},
    {{ months_between('products.' ~ family ~ '_since_date', 'started.as_of_date') }} as {{ family }}_months,
    {% endfor -%}
    coalesce(products.monthly_fee, 0) as monthly_fee,
    coalesce(products.monthly_discount, 0) as monthly_discount,
    products.discount_months_left,
    case
        when
            spells.is_open
            and notices.notice_months_left <= {{ var('features')['longest_notice_months'] | int }}
            then notices.notice_months_left
    end as notice_months_left,
    coalesce(products.monthly_product_cost, 0) as monthly_product_cost,
    products_3m_ago.monthly_fee as monthly_fee_3m_ago,
    case when products_3m_ago.customer_id is not null then coalesce(price_effects.price_effect_3m, 0) end
        as price_effect_3m,
    products.term_months,
    products.commitment_months_left,
    products.committed_month_ends,
    products.download_mbps,
    coalesce(products.has_static_ip, false) as has_static_ip,
    coalesce(case when spells.is_open then products.is_prepaid else last_held.is_prepaid end, false) as is_prepaid,
    products.access_technology,
    coalesce(products.has_main_product, false) as has_main_product,
    spells.retention_product,
    spells.retention_term,
    case when spells.is_open then spells.is_committed end as is_committed
from started
left join spells
    on
        started.customer_id = spells.customer_id
        and started.as_of_date = spells.as_of_date
left join last_held
    on
        started.customer_id = last_held.customer_id
        and started.as_of_date = last_held.as_of_date
left join notices
    on
        started.customer_id = notices.customer_id
        and started.as_of_date = notices.as_of_date
left join products
    on
        started.customer_id = products.customer_id
        and started.as_of_date = products.as_of_date
left join products as products_3m_ago
    on
        started.customer_id = products_3m_ago.customer_id
        and {{ month_end(add_months('started.as_of_date', -3)) }} = products_3m_ago.as_of_date
left join price_effects
    on
        started.customer_id = price_effects.customer_id
        and started.as_of_date = price_effects.as_of_date
