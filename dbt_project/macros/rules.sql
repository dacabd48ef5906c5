{#-
    Ordered rules as one expression: the first rule whose condition holds wins.
    `part` is what the expression returns: 'id', 'segment' or 'because'. `taken_from` maps segments to columns that
    provide the value instead: the manually set segment, or the result of the size rules.
-#}
{% macro first_rule(rules, part, taken_from={}) -%}
    case
        {%- for rule in rules %}
        when {{ rule['when'] }} then {{ taken_from.get(rule['segment']) or text_literal(rule[part]) }}
        {%- endfor %}
    end
{%- endmacro %}

{#- The age band of an age in years, by the bands of the settings. Nobody has been proven to live beyond 122 years. -#}
{% macro age_band(age_years) -%}
    case
        when {{ age_years }} is null or {{ age_years }} < 0 or {{ age_years }} > 122 then 'unknown'
        {%- for least in var('age_bands') %}
        when {{ age_years }} < {{ least }} then
            {{ text_literal('under_' ~ least if loop.first else loop.previtem ~ '_to_' ~ (least - 1)) }}
        {%- endfor %}
        else {{ text_literal(var('age_bands')[-1] ~ '_and_over') }}
    end
{%- endmacro %}

{#- How many months of earlier stages are needed, to hold stages and to say which stage a customer comes from. -#}
{% macro months_of_stage_history() -%}
    {{ ([1] + (var('held_months') | map(attribute='months') | list)) | max }}
{%- endmacro %}

{#- The stages that yield to a held stage: those that may themselves be held, and the stage of the last rule. -#}
{% macro yielding_stages() -%}
    {{ text_list((var('held_months') | map(attribute='stage') | list) + [var('lifecycle_rules')[-1]['segment']]) }}
{%- endmacro %}

{#-
    The stage that is kept although the rules now give another one, or null. A stage that is a fact, such as churned,
    never yields, and ends the hold of earlier stages. The relation has the last month of such a fact, last_fact_date,
    and for each stage that may be held the last month in which the rules gave it, last_<stage>_date.
-#}
{% macro held_stage(rule_stage, as_of_date) -%}
    case
        when {{ rule_stage }} not in ({{ yielding_stages() }}) then null
        {%- for each in var('held_months') %}
        {%- set last_date = 'last_' ~ each['stage'] ~ '_date' %}
        when
            {{ months_between(last_date, as_of_date) }} < {{ each['months'] }}
            and coalesce({{ last_date }} > last_fact_date, true)
            then {{ text_literal(each['stage']) }}
        {%- endfor %}
    end
{%- endmacro %}
