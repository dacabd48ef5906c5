{#-
    CTEs that end in `held_months`: monthly counts per contract, assigned to the customer who held the contract at the
    end of the month (before its first state: its first holder), for every month of the run at whose end they were
    known. `is_fed` says whether the feed has the run's month at all; if not, its counts are unknown rather than zero.
    counts: relation with contract_id and month_end_date.
    where: condition on its rows; its alias is `months`.
    state_columns: additional columns to take from the contract's state.
-#}
{% macro held_months(counts, where='true', state_columns=()) -%}
run_months as (
    select
        month_end_date as as_of_date,
        month_start_date,
        month_number
    from {{ ref('months') }}
    where is_run_month
),

fed_months as (
    select distinct month_end_date
    from {{ counts }}
),

as_of_months as (
    select
        run_months.*,
        {{ add_days(month_end(add_months('run_months.as_of_date', -4)), 1) }} as quarter_before_start_date,
        fed_months.month_end_date is not null as is_fed
    from run_months
    left join fed_months
        on run_months.as_of_date = fed_months.month_end_date
),

held_months as (
    select
        states.customer_id,
        as_of_months.as_of_date,
        as_of_months.month_start_date,
        as_of_months.quarter_before_start_date,
        as_of_months.is_fed,
        {% for column in state_columns -%}
        states.{{ column }},
        {% endfor -%}
        as_of_months.month_number - {{ month_number('months.month_end_date') }} as months_ago,
        months.*
    from as_of_months
    inner join {{ counts }} as months
        on
            as_of_months.as_of_date >= months.month_end_date
            and {{ where }}
    inner join {{ ref('contract_states') }} as states
        on
            months.contract_id = states.contract_id
            and as_of_months.as_of_date >= states.valid_from_date
            and (states.is_first_state or months.month_end_date >= states.valid_from_date)
            and (states.valid_to_date is null or months.month_end_date < states.valid_to_date)
)
{%- endmacro %}

{#- FROM clause: `counts` in the months that hazards are learned from, joined to the holder's state. -#}
{% macro from_covariate_months_of_holders(counts) -%}
from {{ counts }} as counts
inner join {{ ref('covariate_months') }} as months
    on counts.month_end_date = months.month_end_date
inner join {{ ref('contract_states') }} as states
    on
        counts.contract_id = states.contract_id
        and counts.month_end_date >= states.valid_from_date
        and (states.valid_to_date is null or counts.month_end_date < states.valid_to_date)
{%- endmacro %}
