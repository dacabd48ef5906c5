{{ config(materialized='incremental', unique_key='month_end_date', partitioned_by='month_end_date') }}

-- Made from all facts each time, so that late data lands in the month it belongs to.
with months as (
    select
        customer_id,
        month_end_date,
        {% for component in margin_components() -%}
        {{ money("sum(case when component = '" ~ component ~ "' then amount else 0 end)") }} as {{ component }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from {{ ref('margin_entries') }}
    group by customer_id, month_end_date
)

select
    customer_id,
    month_end_date,
    net_invoiced,
    credited,
    written_off,
    product_cost,
    usage_cost,
    care_cost,
    payment_cost,
    {{ money(
        'net_invoiced - credited - written_off - product_cost - usage_cost - care_cost - payment_cost'
    ) }} as margin
from months
