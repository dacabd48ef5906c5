{{ config(unique_key='as_of_date', partitioned_by='as_of_date') }}

with market as (
    select * from {{ ref('market_segments_as_of') }}
),

contracts as (
    select * from {{ ref('contract_features') }}
),

usage as (
    select * from {{ ref('usage_features') }}
),

billing as (
    select * from {{ ref('billing_features') }}
),

payments as (
    select * from {{ ref('payment_features') }}
),

care as (
    select * from {{ ref('care_features') }}
),

calls as (
    select * from {{ ref('call_features') }}
),

prepaid as (
    select * from {{ ref('prepaid_histories') }}
),

write_offs as (
    select * from {{ ref('write_off_rates') }}
),

-- When records of each kind begin: only from then on does no record mean zero.
records_begin as (
    select
        (select min(occurred_at) from {{ ref('stg_interactions') }}) as first_interaction_at,
        (select min(quality_date) from {{ ref('stg_service_quality') }}) as first_quality_date,
        (select min(invoice_date) from {{ ref('stg_invoices') }}) as first_invoice_date
),

joined as (
    select
        market.customer_id,
        market.as_of_date,
        market.customer_type,
        {{ source_system('market.source_system') }} as source_system,
        coalesce(market.is_reseller, false) as is_reseller,
        market.market_segment,
        market.population,
        contracts.first_start_date,
        contracts.tenure_months,
        contracts.tenure_days,
        contracts.spell_start_date,
        contracts.spell_months,
        coalesce(contracts.spells, 0) as spells,
        coalesce(contracts.is_open, false) as is_open,
        coalesce(contracts.open_contracts, 0) as open_contracts,
        coalesce(contracts.suspended_contracts, 0) as suspended_contracts,
        contracts.service_end_date,
        contracts.days_since_service_end,
        contracts.months_since_win_back,
        coalesce(contracts.product_families, 0) as product_families,
        {% for family in product_families(['wholesale']) -%}
        coalesce(contracts.has_{{ family }}, false) as has_{{ family }},
        contracts.{{ family }}_months,
        {% endfor -%}
        coalesce(contracts.monthly_fee, 0) as monthly_fee,
        coalesce(contracts.monthly_discount, 0) as monthly_discount,
        contracts.discount_months_left,
        contracts.notice_months_left,
        coalesce(contracts.monthly_product_cost, 0) as monthly_product_cost,
        contracts.monthly_fee_3m_ago,
        contracts.price_effect_3m,
        contracts.term_months,
        contracts.commitment_months_left,
        contracts.committed_month_ends,
        contracts.download_mbps,
        coalesce(contracts.has_static_ip, false) as has_static_ip,
        contracts.access_technology,
        coalesce(contracts.is_prepaid, false) as is_prepaid,
        prepaid.prepaid_months,
        prepaid.prepaid_repeats,
        prepaid.prepaid_last_month,
        prepaid.prepaid_mean_spend,
        usage.usage_days_1m,
        usage.usage_days_3m,
        usage.usage_history_months,
        usage.gb_down_1m,
        usage.gb_up_1m,
        {% for months in (3, 12) -%}
        usage.gb_month_{{ months }}m,
        usage.upload_share_{{ months }}m,
        usage.business_hours_share_{{ months }}m,
        usage.evening_share_{{ months }}m,
        usage.night_share_{{ months }}m,
        usage.weekend_share_{{ months }}m,
        {% endfor -%}
        usage.usage_volatility_3m,
        -- Without a product that carries traffic, the lack of traffic means nothing.
        case when contracts.has_main_product then usage.traffic_trend end as traffic_trend,
        usage.days_since_last_traffic,
        coalesce(contracts.has_main_product, false) and usage.customer_id is not null as has_traffic,
        usage.usage_days_1m is not null as is_traffic_fed,
        coalesce(contracts.has_mobile or contracts.has_fixed_voice, false)
        and calls.customer_id is not null as has_calls,
        coalesce(calls.is_fed, false) as are_calls_fed,
        calls.call_trend,
        calls.days_since_last_call,
        -- The whole population, now and before: the effect of season and feed on everybody.
        {% for when in ('', '_before') -%}
        {{ ratio(
            'sum(case when contracts.has_main_product then usage.compared_bytes' ~ when ~ ' end) over base',
            'sum(case when contracts.has_main_product then usage.compared_days' ~ when ~ ' end) over base'
        ) }} as base_bytes_a_day{{ when }},
        {% endfor -%}
        usage.peak_mbps_3m,
        {{ ratio('usage.peak_mbps_3m', 'contracts.download_mbps') }} as speed_use_3m,
        usage.sessions_day_3m,
        usage.devices_3m,
        usage.cap_use_1m,
        billing.net_revenue_1m,
        billing.net_revenue_12m,
        billing.margin_3m_mean,
        billing.margin_12m,
        case
            when records_begin.first_invoice_date <= market.as_of_date then coalesce(billing.past_value, 0)
        end as past_value,
        billing.usage_revenue_3m_mean,
        billing.expected_usage_revenue,
        case
            when records_begin.first_invoice_date <= market.as_of_date then coalesce(payments.invoices_12m, 0)
        end as invoices_12m,
        payments.late_share_12m,
        payments.mean_days_late_12m,
        payments.failed_payments_12m,
        payments.overdue_amount,
        payments.overdue_days,
        payments.has_autopay,
        case
            when records_begin.first_interaction_at < {{ add_days('market.as_of_date', 1) }}
                then coalesce(care.contacts_3m, 0)
        end as contacts_3m,
        case
            when records_begin.first_interaction_at < {{ add_days('market.as_of_date', 1) }}
                then coalesce(care.complaints_3m, 0)
        end as complaints_3m,
        case
            when
                records_begin.first_quality_date <= market.as_of_date
                and not coalesce(care.has_unmeasured_outage, false)
                then coalesce(care.outage_minutes_3m, 0)
        end as outage_minutes_3m,
        calls.call_history_months,
        calls.calls_month_3m,
        calls.call_minutes_month_3m,
        calls.messages_month_3m,
        calls.incoming_call_share_3m,
        calls.abroad_call_share_3m,
        coalesce(write_offs.write_off_rate, 0) as write_off_rate,
        market.population as retention_market,
        contracts.retention_product,
        contracts.retention_term,
        contracts.is_committed
    from market
    left join contracts
        on
            market.customer_id = contracts.customer_id
            and market.as_of_date = contracts.as_of_date
    left join usage
        on
            market.customer_id = usage.customer_id
            and market.as_of_date = usage.as_of_date
    left join billing
        on
            market.customer_id = billing.customer_id
            and market.as_of_date = billing.as_of_date
    left join payments
        on
            market.customer_id = payments.customer_id
            and market.as_of_date = payments.as_of_date
    left join care
        on
            market.customer_id = care.customer_id
            and market.as_of_date = care.as_of_date
    left join calls
        on
            market.customer_id = calls.customer_id
            and market.as_of_date = calls.as_of_date
    left join prepaid
        on
            market.customer_id = prepaid.customer_id
            and market.as_of_date = prepaid.as_of_date
    left join write_offs
        on
            market.population = write_offs.population
            and market.as_of_date = write_offs.as_of_date
    cross join records_begin
    window base as (partition by market.as_of_date, market.population)
),

-- Observable use of the lines: traffic and calls, or whichever is known. For an internet line that is traffic, and
-- without traffic on record the line may still be in use; a phone is in use if it carries traffic or calls, and its use
-- has collapsed only if both have. A feed that lacks the month says nothing about the customers in it.
used as (
    select
        *,
        case
            when
                (has_traffic or not has_internet)
                and (is_traffic_fed or not has_traffic)
                and (are_calls_fed or not has_calls)
                then least(
                    case when has_traffic then days_since_last_traffic end,
                    case when has_calls then days_since_last_call end
                )
        end as days_since_last_usage,
        case
            when has_internet then traffic_trend
            when (is_traffic_fed or not has_traffic) and (are_calls_fed or not has_calls)
                then greatest(traffic_trend, case when has_calls then call_trend end)
        end as usage_trend
    from joined
),

expected as (
    select
        *,
        monthly_fee - monthly_discount + coalesce(expected_usage_revenue, 0) as expected_revenue,
        {{ expected_usage_cost('gb_month_3m') }} as expected_usage_cost,
        {{ expected_care_cost('contacts_3m') }} as expected_care_cost
    from used
)

select
    customer_id,
    as_of_date,
    customer_type,
    source_system,
    is_reseller,
    market_segment,
    population,
    first_start_date,
    cast(tenure_months as integer) as tenure_months,
    cast(tenure_days as integer) as tenure_days,
    spell_start_date,
    cast(spell_months as integer) as spell_months,
    cast(spells as integer) as spells,
    is_open,
    cast(open_contracts as integer) as open_contracts,
    cast(suspended_contracts as integer) as suspended_contracts,
    service_end_date,
    cast(days_since_service_end as integer) as days_since_service_end,
    cast(months_since_win_back as integer) as months_since_win_back,
    cast(product_families as integer) as product_families,
    {% for family in product_families(['wholesale']) -%}
    has_{{ family }},
    {% endfor -%}
    {% for family in product_families() -%}
    cast({{ family }}_months as integer) as {{ family }}_months,
    {% endfor -%}
    cast(monthly_fee as decimal(18, 4)) as monthly_fee,
    cast(monthly_discount as decimal(18, 4)) as monthly_discount,
    cast(discount_months_left as integer) as discount_months_left,
    cast(notice_months_left as integer) as notice_months_left,
    cast(monthly_product_cost as decimal(18, 4)) as monthly_product_cost,
    cast(monthly_fee_3m_ago as decimal(18, 4)) as monthly_fee_3m_ago,
    cast(price_effect_3m as decimal(18, 4)) as price_effect_3m,
    cast(term_months as integer) as term_months,
    cast(commitment_months_left as integer) as commitment_months_left,
    cast(committed_month_ends as integer) as committed_month_ends,
    cast(download_mbps as double) as download_mbps,
    has_static_ip,
    access_technology,
    is_prepaid,
    prepaid_months,
    prepaid_repeats,
    prepaid_last_month,
    prepaid_mean_spend,
    cast(usage_days_1m as integer) as usage_days_1m,
    cast(usage_days_3m as integer) as usage_days_3m,
    cast(usage_history_months as integer) as usage_history_months,
    cast(gb_down_1m as double) as gb_down_1m,
    cast(gb_up_1m as double) as gb_up_1m,
    {% for months in (3, 12) -%}
    cast(gb_month_{{ months }}m as double) as gb_month_{{ months }}m,
    cast(upload_share_{{ months }}m as double) as upload_share_{{ months }}m,
    cast(business_hours_share_{{ months }}m as double) as business_hours_share_{{ months }}m,
    cast(evening_share_{{ months }}m as double) as evening_share_{{ months }}m,
    cast(night_share_{{ months }}m as double) as night_share_{{ months }}m,
    cast(weekend_share_{{ months }}m as double) as weekend_share_{{ months }}m,
    {% endfor -%}
    cast(usage_volatility_3m as double) as usage_volatility_3m,
    cast(usage_trend as double) as usage_trend,
    cast(traffic_trend * base_bytes_a_day_before / nullif(base_bytes_a_day, 0) as double) as usage_change,
    cast(peak_mbps_3m as double) as peak_mbps_3m,
    cast(speed_use_3m as double) as speed_use_3m,
    cast(sessions_day_3m as double) as sessions_day_3m,
    cast(devices_3m as double) as devices_3m,
    cast(cap_use_1m as double) as cap_use_1m,
    cast(days_since_last_usage as integer) as days_since_last_usage,
    cast(net_revenue_1m as decimal(18, 4)) as net_revenue_1m,
    cast(net_revenue_12m as decimal(18, 4)) as net_revenue_12m,
    cast(margin_3m_mean as decimal(18, 4)) as margin_3m_mean,
    cast(margin_12m as decimal(18, 4)) as margin_12m,
    cast(past_value as decimal(18, 4)) as past_value,
    cast(usage_revenue_3m_mean as decimal(18, 4)) as usage_revenue_3m_mean,
    cast(expected_usage_revenue as decimal(18, 4)) as expected_usage_revenue,
    cast(invoices_12m as integer) as invoices_12m,
    cast(late_share_12m as double) as late_share_12m,
    cast(mean_days_late_12m as double) as mean_days_late_12m,
    cast(failed_payments_12m as integer) as failed_payments_12m,
    cast(overdue_amount as decimal(18, 4)) as overdue_amount,
    cast(overdue_days as integer) as overdue_days,
    has_autopay,
    cast(contacts_3m as integer) as contacts_3m,
    cast(complaints_3m as integer) as complaints_3m,
    cast(outage_minutes_3m as double) as outage_minutes_3m,
    cast(call_history_months as integer) as call_history_months,
    cast(calls_month_3m as double) as calls_month_3m,
    cast(call_minutes_month_3m as double) as call_minutes_month_3m,
    cast(messages_month_3m as double) as messages_month_3m,
    cast(incoming_call_share_3m as double) as incoming_call_share_3m,
    cast(abroad_call_share_3m as double) as abroad_call_share_3m,
    case
        when not is_open then cast(0 as decimal(18, 4))
        else {{ money(
            expected_margin(
                'expected_revenue', 'write_off_rate', 'monthly_product_cost + expected_usage_cost + expected_care_cost'
            )
        ) }}
    end as expected_monthly_margin,
    retention_market,
    retention_product,
    retention_term,
    is_committed
from expected
