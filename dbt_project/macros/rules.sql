{#-
    Ordered rules as one expression: the first rule whose condition holds wins.
    `part` is what the expression gives: 'id', 'segment' or 'because'. `taken_from` names, by segment, a column to take
    it from instead: the segment set by hand, or what the rules of size say.
-#}
{% macro first_rule(rules, part, taken_from={}) -%}
    case
        {%- for rule in rules %}
        when {{ rule['when'] }} then {{ taken_from.get(rule['segment']) or text_literal(rule[part]) }}
        {%- endfor %}
    end
{%- endmacro %}

{#- The age band of a number of years, by the bands of the settings. Nobody is older than the oldest person known. -#}
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
