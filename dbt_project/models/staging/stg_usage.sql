{%- set columns = (
    'contract_id', 'usage_date', 'bytes_down', 'bytes_up', 'sessions', 'session_seconds',
    'bytes_down_business_hours', 'bytes_up_business_hours', 'bytes_down_evening', 'bytes_up_evening',
    'bytes_down_night', 'bytes_up_night'
) -%}
-- Days covered by usage itself are not counted from sessions. Looked up only for days with sessions, so that usage is
-- not scanned for it if there are none.
with told_days as (
    select
        usage.contract_id,
        usage.usage_date
    from {{ source('raw', 'usage') }} as usage
    where usage.usage_date in (select counted.usage_date from {{ ref('session_usage_days') }} as counted)
)

select
    {{ columns | join(',\n    ') }},
    peak_mbps,
    devices,
    _load_id
from {{ source('raw', 'usage') }}
union all
select
    {% for column in columns -%}
    counted.{{ column }},
    {% endfor -%}
    cast(null as double) as peak_mbps,
    counted.devices,
    counted._load_id
from {{ ref('session_usage_days') }} as counted
left join told_days
    on
        counted.contract_id = told_days.contract_id
        and counted.usage_date = told_days.usage_date
where told_days.contract_id is null
