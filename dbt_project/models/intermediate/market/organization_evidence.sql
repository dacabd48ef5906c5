-- What codes and legal forms say of an organization. Each spelling is looked up once, however many customers share it.
with customers as (
    select
        customer_id,
        {{ plain_text('industry_scheme') }} as scheme_name,
        {{ plain_text('industry_code') }} as industry_code,
        {{ plain_text('legal_form') }} as legal_form
    from {{ ref('stg_customers') }}
    where customer_type = 'organization'
),

spellings as (
    select distinct
        scheme_name,
        industry_code,
        -- National schemes set the letter of the section before the number.
        case
            when substring(industry_code, 1, 1) between 'a' and 'v' then substring(industry_code, 2)
            else industry_code
        end as code_digits
    from customers
    where industry_code is not null
),

codes as (
    select
        spellings.scheme_name,
        spellings.industry_code,
        spellings.code_digits,
        -- Both the United States and the United Kingdom call theirs SIC: four digits there, five here.
        case
            when schemes.industry_scheme = 'sic' and length(spellings.code_digits) = 5 then 'nace'
            else schemes.industry_scheme
        end as industry_scheme
    from spellings
    inner join {{ ref('industry_schemes') }} as schemes
        on spellings.scheme_name = schemes.scheme_name
),

-- The longest prefix is the most exact: it may take back what a shorter one says.
matches as (
    select
        codes.scheme_name,
        codes.industry_code,
        prefixes.market_segment,
        row_number() over (
            partition by codes.scheme_name, codes.industry_code
            order by length(prefixes.code_prefix) desc
        ) as match_rank
    from codes
    inner join {{ ref('industry_segments') }} as prefixes
        on
            codes.industry_scheme = prefixes.industry_scheme
            and codes.code_digits like prefixes.code_prefix || '%'
)

select
    customers.customer_id,
    nullif(matches.market_segment, '') as industry_segment,
    nullif(legal_forms.market_segment, '') as legal_form_segment,
    legal_forms.legal_form_kind
from customers
left join matches
    on
        customers.scheme_name = matches.scheme_name
        and customers.industry_code = matches.industry_code
        and matches.match_rank = 1
left join {{ ref('legal_forms') }} as legal_forms
    on customers.legal_form = legal_forms.legal_form
