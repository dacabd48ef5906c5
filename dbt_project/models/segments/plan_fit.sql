{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

{%- set settings = var('plan_fit') -%}

-- Peers are customers of the same segment whose use lies between the same two powers of two.
with known as (
    select
        versions.version_id,
        uses.*,
        market.market_segment,
        customer_values.churn_probability_12m,
        customer_values.future_value_36m,
        uses.months_known >= {{ settings['least_months'] | int }} as is_known,
        cast(floor(ln(greatest(uses.median_gb, 1)) / ln(2)) as integer) as use_band
    from {{ ref('versions_in_force') }} as versions
    inner join {{ ref('contract_uses_as_of') }} as uses
        on versions.as_of_date = uses.as_of_date
    inner join {{ ref('customer_market') }} as market
        on
            uses.customer_id = market.customer_id
            and versions.version_id = market.version_id
    left join {{ source('segments', 'customer_value') }} as customer_values
        on
            uses.customer_id = customer_values.customer_id
            and versions.version_id = customer_values.version_id
    where versions.is_candidate
),

peers as (
    select
        version_id,
        market_segment,
        product_family,
        use_band,
        count(*) as peers,
        {{ quantile('net_fee', 0.5) }} as median_fee
    from known
    where is_known
    group by version_id, market_segment, product_family, use_band
),

judged as (
    select
        known.*,
        peers.peers,
        peers.median_fee as peer_fee,
        case
            when not known.is_known then 'unknown'
            when known.pressed_months_share >= {{ settings['pressed_months_share'] }} then 'cap_pressure'
            when known.fast_months_share >= {{ settings['pressed_months_share'] }} then 'speed_pressure'
            when
                coalesce(known.most_cap_share, known.most_rate_share) is not null
                and coalesce(known.most_cap_share <= {{ settings['unused_cap_share'] }}, true)
                and coalesce(known.most_rate_share <= {{ settings['unused_rate_share'] }}, true)
                then 'overbought'
            when
                peers.peers >= {{ settings['least_peers'] | int }}
                and known.net_fee > peers.median_fee * (1 + {{ settings['overpaid_share'] }})
                then 'overpaying'
            else 'fits'
        end as plan_fit
    from known
    left join peers
        on
            known.version_id = peers.version_id
            and known.market_segment = peers.market_segment
            and known.product_family = peers.product_family
            and known.use_band = peers.use_band
            and known.is_known
),

-- The customer's needs, with headroom; if the peak is unknown the line keeps its speed.
needs as (
    select
        *,
        plan_fit in ('cap_pressure', 'speed_pressure') as is_pressed,
        most_gb * (1 + {{ settings['headroom'] }}) as needed_gb,
        case
            when plan_fit = 'speed_pressure' or plan_fit = 'overbought'
                then coalesce(most_mbps * (1 + {{ settings['headroom'] }}), download_mbps, 0)
            else coalesce(download_mbps, 0)
        end as needed_mbps
    from judged
),

on_sale as (
    select
        needs.version_id,
        needs.contract_id,
        plans.plan_code,
        plans.monthly_fee,
        plans.monthly_product_cost,
        coalesce(plans.data_cap_gb >= needs.needed_gb, true)
        and coalesce(plans.download_mbps, 0) >= needs.needed_mbps as is_enough,
        coalesce(plans.data_cap_gb >= needs.data_cap_gb, plans.data_cap_gb is null)
        and coalesce(plans.download_mbps, 0) >= coalesce(needs.download_mbps, 0) as is_equal
    from needs
    inner join {{ ref('plans_as_of') }} as plans
        on
            needs.product_family = plans.product_family
            and needs.as_of_date = plans.as_of_date
            and coalesce(needs.market_segment = plans.market_segment, true)
    where needs.is_known
),

equal_plans as (
    select
        version_id,
        contract_id,
        min(monthly_fee) as equal_plan_fee
    from on_sale
    where is_equal
    group by version_id, contract_id
),

ranked as (
    select
        *,
        row_number() over (partition by version_id, contract_id order by monthly_fee, plan_code) as place
    from on_sale
    where is_enough
),

compared as (
    select
        needs.*,
        equal_plans.equal_plan_fee,
        ranked.plan_code as best_plan_code,
        ranked.monthly_fee as best_plan_fee,
        ranked.monthly_fee - ranked.monthly_product_cost - (needs.net_fee - needs.monthly_product_cost)
            as margin_change,
        case
            when ranked.plan_code is null or ranked.plan_code = needs.plan_code then 'none'
            when needs.is_pressed then 'upgrade'
            when needs.plan_fit in ('overbought', 'overpaying') and ranked.monthly_fee < needs.net_fee then 'downgrade'
            else 'none'
        end as recommendation
    from needs
    left join equal_plans
        on
            needs.version_id = equal_plans.version_id
            and needs.contract_id = equal_plans.contract_id
    left join ranked
        on
            needs.version_id = ranked.version_id
            and needs.contract_id = ranked.contract_id
            and ranked.place = 1
)

select
    version_id,
    as_of_date,
    contract_id,
    customer_id,
    product_family,
    plan_code,
    cast(net_fee as decimal(18, 2)) as net_fee,
    months_known,
    plan_fit,
    pressed_months_share,
    full_months_share,
    fast_months_share,
    most_cap_share,
    most_rate_share,
    most_gb,
    cast(peer_fee as decimal(18, 2)) as peer_fee,
    cast(equal_plan_fee as decimal(18, 2)) as equal_plan_fee,
    recommendation,
    case when recommendation <> 'none' then best_plan_code end as best_plan_code,
    cast(case when recommendation <> 'none' then best_plan_fee end as decimal(18, 2)) as best_plan_fee,
    cast(case when recommendation <> 'none' then margin_change end as decimal(18, 2)) as monthly_margin_change,
    cast(
        case recommendation
            when 'upgrade' then {{ settings['upgrade_hazard_reduction'] }}
            when 'downgrade' then {{ settings['downgrade_hazard_reduction'] }}
        end * churn_probability_12m * future_value_36m as decimal(18, 2)
    ) as avoided_loss,
    case plan_fit
        when 'unknown' then 'Too few whole months of usage are known.'
        when 'cap_pressure' then 'The data volume is nearly used up in most months.'
        when 'speed_pressure' then 'The line is used at nearly its full rate in most months.'
        when 'overbought' then 'What is paid for has never been used in these months.'
        when 'overpaying' then 'Others with the same use pay less.'
        else 'Use and plan go together.'
    end as reason
from compared
