{{ config(
    database='lake',
    materialized='incremental',
    unique_key='month_end_date',
    partitioned_by='month_end_date',
    on_schema_change='append_new_columns',
) }}

-- Every run rebuilds the months of its training window from all facts, so that late data reach their month.
with months as (
    select * from {{ ref('covariate_months') }}
),

-- When records of each kind begin: only from then on does no record mean zero.
records_begin as (
    select
        (select min(occurred_at) from {{ ref('stg_interactions') }}) as first_interaction_at,
        (select min(quality_date) from {{ ref('stg_service_quality') }}) as first_quality_date,
        (select min(paid_date) from {{ ref('stg_payments') }}) as first_paid_date
),

fed_months as (
    select distinct month_end_date
    from {{ ref('usage_months') }}
),

fed_call_months as (
    select distinct month_end_date
    from {{ ref('call_months') }}
),

open_months as (
    select
        spans.customer_id,
        months.month_end_date,
        months.month_start_date,
        months.month_number,
        months.is_in_training,
        months.month_number - spans.spell_first_month as spell_months,
        spans.retention_product,
        spans.retention_term,
        spans.is_committed
    from months
    inner join {{ ref('customer_spans') }} as spans
        on
            months.month_number >= spans.first_month
            and months.month_number <= spans.last_month
),

facts as (
    select
        open_months.*,
        fed_months.month_end_date is not null as is_fed,
        usage.bytes_total,
        usage.bytes_up,
        usage.first_usage_date,
        usage.last_active_date,
        fed_call_months.month_end_date is not null as are_calls_fed,
        calls.events as call_events,
        calls.first_call_date,
        calls.last_call_date,
        events.failed_payments,
        events.pays_automatically,
        events.contacts,
        events.complaints,
        events.outage_minutes,
        events.unmeasured_outages,
        events.days_late_3m
    from open_months
    left join fed_months
        on open_months.month_end_date = fed_months.month_end_date
    left join fed_call_months
        on open_months.month_end_date = fed_call_months.month_end_date
    left join {{ ref('customer_month_calls') }} as calls
        on
            open_months.customer_id = calls.customer_id
            and open_months.month_end_date = calls.month_end_date
    left join {{ ref('customer_month_usage') }} as usage
        on
            open_months.customer_id = usage.customer_id
            and open_months.month_end_date = usage.month_end_date
    left join {{ ref('customer_month_events') }} as events
        on
            open_months.customer_id = events.customer_id
            and open_months.month_end_date = events.month_end_date
),

lookback as (
    select number as months_ago
    from {{ thousand_numbers() }} as numbers
    where number <= 3
),

-- Three months are this one and the two before it, as far as the customer was there. Each month is added to the
-- quarters that include it, because windows would sort all months of all customers.
quarters as (
    select
        facts.customer_id,
        facts.month_number + lookback.months_ago as month_number,
        min(facts.first_usage_date) as first_usage_date,
        max(facts.last_active_date) as last_active_date,
        sum(case when lookback.months_ago > 0 then facts.bytes_total end) as bytes_before,
        min(case when lookback.months_ago > 0 then facts.first_usage_date end) as first_usage_date_before,
        min(facts.first_call_date) as first_call_date,
        max(facts.last_call_date) as last_call_date,
        sum(case when lookback.months_ago > 0 then facts.call_events end) as call_events_before,
        min(case when lookback.months_ago > 0 then facts.first_call_date end) as first_call_date_before,
        sum(case when lookback.months_ago < 3 then facts.bytes_total end) as bytes_3m,
        sum(case when lookback.months_ago < 3 then facts.bytes_up end) as bytes_up_3m,
        sum(case when lookback.months_ago < 3 then 1 else 0 end) as months_3m,
        sum(case when lookback.months_ago < 3 then facts.failed_payments else 0 end) as failed_payments_3m,
        max(case when lookback.months_ago < 3 then facts.pays_automatically end) as pays_automatically,
        sum(case when lookback.months_ago < 3 then facts.contacts else 0 end) as contacts_3m,
        sum(case when lookback.months_ago < 3 then facts.complaints else 0 end) as complaints_3m,
        -- Added in the order of the months: a sum of fractions is reproducible to the last digit only in a fixed order.
        coalesce(max(case when lookback.months_ago = 2 then facts.outage_minutes end), 0)
        + coalesce(max(case when lookback.months_ago = 1 then facts.outage_minutes end), 0)
        + coalesce(max(case when lookback.months_ago = 0 then facts.outage_minutes end), 0) as outage_minutes_3m,
        sum(case when lookback.months_ago < 3 then facts.unmeasured_outages else 0 end) as unmeasured_outages_3m
    from facts
    cross join lookback
    group by facts.customer_id, facts.month_number + lookback.months_ago
),

windows as (
    select
        facts.customer_id,
        facts.month_end_date,
        facts.month_start_date,
        facts.month_number,
        facts.spell_months,
        facts.retention_product,
        facts.retention_term,
        facts.is_committed,
        facts.is_fed,
        coalesce(facts.bytes_total, 0) as bytes_total,
        facts.are_calls_fed,
        coalesce(facts.call_events, 0) as call_events,
        facts.days_late_3m,
        quarters.first_usage_date,
        quarters.last_active_date,
        quarters.bytes_before,
        quarters.first_usage_date_before,
        quarters.first_call_date,
        quarters.last_call_date,
        quarters.call_events_before,
        quarters.first_call_date_before,
        quarters.bytes_3m,
        quarters.bytes_up_3m,
        quarters.months_3m,
        coalesce(quarters.failed_payments_3m, 0) as failed_payments_3m,
        quarters.pays_automatically,
        coalesce(quarters.contacts_3m, 0) as contacts_3m,
        coalesce(quarters.complaints_3m, 0) as complaints_3m,
        quarters.outage_minutes_3m,
        coalesce(quarters.unmeasured_outages_3m, 0) as unmeasured_outages_3m
    from facts
    inner join quarters
        on
            facts.customer_id = quarters.customer_id
            and facts.month_number = quarters.month_number
    where facts.is_in_training
),

-- Traffic and calls per day, so that short or first months do not look like a collapse or a rise. For an internet line
-- use is traffic; a phone is in use if it carries traffic or calls. A feed that lacks the month says nothing.
used as (
    select
        *,
        {%- for measure, events, known in (
            ('traffic', 'bytes_total', 'first_usage_date'), ('call', 'call_events', 'first_call_date')
        ) %}
        case
            when
                {{ 'is_fed' if measure == 'traffic' else 'are_calls_fed' }}
                and {{ days_between(known ~ '_before', 'month_start_date') }} >= 28
                then
                    {{ ratio(events, days_between('month_start_date', add_days('month_end_date', 1))) }}
                    / nullif({{ ratio(
                        'bytes_before' if measure == 'traffic' else 'call_events_before',
                        days_between(known ~ '_before', 'month_start_date')
                    ) }}, 0)
        end as {{ measure }}_ratio,
        {%- endfor %}
        case
            when is_fed and first_usage_date is not null
                then {{ days_between('coalesce(last_active_date, first_usage_date)', 'month_end_date') }}
        end as days_without_traffic,
        case
            when are_calls_fed and first_call_date is not null
                then {{ days_between('coalesce(last_call_date, first_call_date)', 'month_end_date') }}
        end as days_without_calls,
        (is_fed or first_usage_date is null) and (are_calls_fed or first_call_date is null) as is_phone_told
    from windows
)

select
    used.customer_id,
    used.month_end_date,
    cast(used.month_number as integer) as month_number,
    cast(used.spell_months as integer) as spell_months,
    used.retention_product,
    used.retention_term,
    used.is_committed,
    cast(contracts.open_contracts as integer) as open_contracts,
    cast(contracts.product_families as integer) as product_families,
    {{ ratio('contracts.suspended_contracts', 'contracts.open_contracts') }} as suspended_share,
    cast(contracts.term_months as integer) as term_months,
    cast(contracts.commitment_months_left as integer) as commitment_months_left,
    cast(contracts.committed_month_ends as integer) as committed_month_ends,
    cast(contracts.months_since_commitment as integer) as months_since_commitment,
    cast(contracts.discount_months_left as integer) as discount_months_left,
    cast(contracts.monthly_fee as double) as monthly_fee,
    {{ ratio('contracts.monthly_discount', 'contracts.monthly_fee') }} as discount_share,
    cast(contracts.price_change_3m as double) as price_change_3m,
    case
        when used.is_fed and used.bytes_3m is not null
            then cast(used.bytes_3m as double) / 1e9 / used.months_3m
    end as gb_month_3m,
    case when used.is_fed then {{ ratio('used.bytes_up_3m', 'used.bytes_3m') }} end as upload_share_3m,
    case
        when used.retention_product = 'internet' then used.traffic_ratio
        when used.is_phone_told then greatest(used.traffic_ratio, used.call_ratio)
    end as usage_trend,
    case
        when used.retention_product = 'internet' then used.days_without_traffic
        when used.is_phone_told then least(used.days_without_traffic, used.days_without_calls)
    end as days_since_last_usage,
    case
        when records_begin.first_paid_date <= used.month_end_date then coalesce(used.days_late_3m, 0)
    end as days_late_3m,
    cast(case
        when records_begin.first_paid_date <= used.month_end_date then used.failed_payments_3m
    end as integer) as failed_payments_3m,
    used.pays_automatically = 1 as has_autopay,
    cast(case
        when records_begin.first_interaction_at < {{ add_days('used.month_end_date', 1) }} then used.contacts_3m
    end as integer) as contacts_3m,
    cast(case
        when records_begin.first_interaction_at < {{ add_days('used.month_end_date', 1) }} then used.complaints_3m
    end as integer) as complaints_3m,
    cast(case
        when records_begin.first_quality_date <= used.month_end_date and used.unmeasured_outages_3m = 0
            then used.outage_minutes_3m
    end as double) as outage_minutes_3m,
    cast(
        coalesce(contracts.monthly_fee, 0) - coalesce(contracts.monthly_discount, 0)
        + coalesce(charges.expected_usage_revenue, 0) as decimal(18, 4)
    ) as expected_revenue,
    cast(
        coalesce(contracts.monthly_product_cost, 0)
        + {{ expected_usage_cost(
            'case when used.is_fed then cast(used.bytes_3m as double) / 1e9 / used.months_3m end'
        ) }}
        + {{ expected_care_cost('used.contacts_3m') }} as decimal(18, 4)
    ) as expected_cost
from used
inner join {{ ref('customer_month_contracts') }} as contracts
    on
        used.customer_id = contracts.customer_id
        and used.month_end_date = contracts.month_end_date
left join {{ ref('expected_usage_charges') }} as charges
    on
        used.customer_id = charges.customer_id
        and used.month_end_date = charges.month_end_date
cross join records_begin
