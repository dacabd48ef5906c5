{%- set moves = ["earned", "arrivals", "losses", "price", "mix", "volume"] -%}

-- The changes of total value since the previous version. A customer open in both changes by its margin, times the
-- discounted months it was expected to stay, and by those months. A customer in only one of the two arrives, or is
-- lost, with all its value.
with versions as (
    select version_id, as_of_date, previous_version_id
    from {{ ref('published_versions') }}
    where previous_version_id is not null
),

both_versions as (
    {% for is_now, version in {'true': 'version_id', 'false': 'previous_version_id'}.items() -%}
    select
        versions.version_id,
        customers.customer_id,
        {{ is_now }} as is_now,
        customers.is_open,
        customers.past_value,
        customers.future_value,
        customers.expected_monthly_margin,
        customers.monthly_fee - customers.monthly_discount as net_fee,
        customers.open_contracts,
        customers.product_families,
        customers.expected_remaining_months
    from versions
    inner join {{ ref('customer_segments') }} as customers
        on versions.{{ version }} = customers.version_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

customers as (
    select
        version_id,
        customer_id,
        {% for moment, condition in {'now': 'is_now', 'before': 'not is_now'}.items() -%}
        max(case when {{ condition }} then 1 else 0 end) = 1 as is_there_{{ moment }},
        coalesce(max(case when {{ condition }} and is_open then 1 end), 0) = 1 as is_open_{{ moment }},
        {% for amount in ('past_value', 'future_value', 'expected_monthly_margin', 'net_fee') -%}
        coalesce(max(case when {{ condition }} then {{ amount }} end), 0) as {{ amount }}_{{ moment }},
        {% endfor -%}
        max(case when {{ condition }} then open_contracts end) as open_contracts_{{ moment }},
        max(case when {{ condition }} then product_families end) as product_families_{{ moment }},
        {% endfor -%}
        max(case when not is_now then expected_remaining_months end) as expected_remaining_months
    from both_versions
    group by version_id, customer_id
),

changes as (
    select
        *,
        past_value_now - past_value_before as past_change,
        future_value_now - future_value_before as future_change,
        is_there_now and is_there_before as is_in_both,
        expected_monthly_margin_now - expected_monthly_margin_before as margin_change,
        net_fee_now - net_fee_before as fee_change,
        is_open_now and is_open_before as is_kept,
        open_contracts_now = open_contracts_before
        and product_families_now = product_families_before as has_same_products,
        -- At most the months it was expected to stay: with a margin near zero the ratio is meaningless.
        least(
            greatest(coalesce({{ ratio('future_value_before', 'expected_monthly_margin_before') }}, 0), 0),
            coalesce(expected_remaining_months, 0)
        ) as discounted_months
    from customers
),

moved as (
    select
        version_id,
        past_value_before + future_value_before as opening,
        case when is_in_both then past_change else 0 end as earned,
        case
            when not is_there_before then past_change + future_change
            when is_in_both and is_open_now and not is_open_before then future_change
            else 0
        end as arrivals,
        case
            when not is_there_now then past_change + future_change
            when is_in_both and is_open_before and not is_open_now then future_change
            else 0
        end as losses,
        {{ money('case when is_kept and has_same_products then fee_change * discounted_months else 0 end') }} as price,
        {{ money('case when is_kept and not has_same_products then fee_change * discounted_months else 0 end') }}
            as mix,
        {{ money('case when is_kept then (margin_change - fee_change) * discounted_months else 0 end') }} as volume,
        past_value_now + future_value_now as closing
    from changes
),

totals as (
    select
        version_id,
        {% for move in ['opening'] + moves -%}
        cast(sum({{ move }}) as decimal(18, 2)) as {{ move }},
        {% endfor -%}
        cast(sum(closing) as decimal(18, 2)) as closing
    from moved
    group by version_id
),

positions as (
    select version_id, 1 as position, 'opening' as component, opening as amount from totals
    {% for move in moves -%}
    union all
    select version_id, {{ loop.index + 1 }} as position, '{{ move }}' as component, {{ move }} as amount from totals
    {% endfor -%}
    -- The remainder, so that the bridge adds up to the cent.
    union all
    select
        version_id,
        8 as position,
        'retention' as component,
        closing - opening - {{ moves | join(' - ') }} as amount
    from totals
    union all
    select version_id, 9 as position, 'closing' as component, closing as amount from totals
)

select
    versions.version_id,
    versions.as_of_date,
    versions.previous_version_id,
    positions.position,
    positions.component,
    cast(positions.amount as decimal(18, 2)) as amount
from versions
inner join positions
    on versions.version_id = positions.version_id
