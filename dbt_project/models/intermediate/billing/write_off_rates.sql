with market as (
    select * from {{ ref('market_segments_as_of') }}
),

ends as (
    select distinct
        as_of_date,
        {{ month_number('as_of_date') }} as month_number
    from market
)

{{ write_off_rates('market', 'ends') }}
