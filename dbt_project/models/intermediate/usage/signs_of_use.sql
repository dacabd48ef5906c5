-- What a customer's lines can be seen to use. Of an internet line that is traffic; a phone is in use where it carries
-- traffic or calls, and its use collapses where both do. A feed that lacks the month tells nothing of who is in it.
with recorded as (
    select
        contracts.customer_id,
        contracts.as_of_date,
        coalesce(contracts.has_internet, false) as has_internet,
        coalesce(contracts.has_main_product, false) and traffic.customer_id is not null as has_traffic,
        (coalesce(contracts.has_mobile, false) or coalesce(contracts.has_fixed_voice, false))
        and calls.customer_id is not null as has_calls,
        traffic.usage_days_1m is not null as is_traffic_fed,
        coalesce(calls.is_fed, false) as is_calls_fed,
        traffic.usage_trend as traffic_trend,
        traffic.days_since_last_usage as days_since_last_traffic,
        calls.call_trend,
        calls.days_since_last_call
    from {{ ref('contract_features') }} as contracts
    left join {{ ref('usage_features') }} as traffic
        on
            contracts.customer_id = traffic.customer_id
            and contracts.as_of_date = traffic.as_of_date
    left join {{ ref('call_features') }} as calls
        on
            contracts.customer_id = calls.customer_id
            and contracts.as_of_date = calls.as_of_date
),

known as (
    select
        *,
        (is_traffic_fed or not has_traffic) and (is_calls_fed or not has_calls) as is_known,
        case when has_traffic then traffic_trend end as known_traffic_trend,
        case when has_calls then call_trend end as known_call_trend,
        case when has_traffic then days_since_last_traffic end as known_days_since_traffic,
        case when has_calls then days_since_last_call end as known_days_since_call
    from recorded
    where has_traffic or has_calls
)

select
    customer_id,
    as_of_date,
    -- Of one that is null the other counts. An internet line whose traffic is not on record may be in use.
    case
        when is_known and (has_traffic or not has_internet)
            then least(known_days_since_traffic, known_days_since_call)
    end as days_since_last_usage,
    case
        when has_internet then known_traffic_trend
        when is_known then greatest(known_traffic_trend, known_call_trend)
    end as usage_trend
from known
