{{ config(unique_key='version_id', partitioned_by='as_of_date') }}

{%- set settings = var('organizations') -%}
{%- set families = product_families() -%}

with candidates as (
    select version_id, as_of_date
    from {{ ref('versions_in_force') }}
    where is_candidate
),

lines as (
    select
        candidates.version_id,
        lines.*
    from candidates
    inner join {{ ref('organization_lines_as_of') }} as lines
        on candidates.as_of_date = lines.as_of_date
),

-- A site is redundant through a second technology or a second line. Lines without an address are at no known site, so
-- they back up none.
sites as (
    select
        version_id,
        customer_id,
        address_id,
        sum(case when product_family in ('internet', 'mobile') then 1 else 0 end) as access_lines,
        count(distinct case when product_family in ('internet', 'mobile') then access_technology end) as technologies
    from lines
    where address_id is not null
    group by version_id, customer_id, address_id
),

site_counts as (
    select
        version_id,
        customer_id,
        count(*) as sites,
        sum(case when access_lines > 0 then 1 else 0 end) as connected_sites,
        sum(case when access_lines > 1 then 1 else 0 end) as redundant_sites,
        sum(case when technologies > 1 then 1 else 0 end) as sites_with_two_technologies
    from sites
    group by version_id, customer_id
),

held as (
    select
        version_id,
        customer_id,
        count(*) as open_contracts,
        max(case when product_code in ({{ text_list(settings['filtering_products']) }}) then 1 else 0 end) as filtering,
        max(case when product_code in ({{ text_list(settings['support_products']) }}) then 1 else 0 end) as support,
        max(wanted_channel) as own_channel,
        case when max(case when has_unmeasured_outage then 1 else 0 end) = 0 then min(uptime) end as uptime_3m,
        max(agreed_uptime) as agreed_uptime,
        case
            when max(case when uptime < agreed_uptime then 1 else 0 end) = 1 then 1
            when max(case when has_unmeasured_outage and agreed_uptime is not null then 1 else 0 end) = 0
                then max(case when uptime >= agreed_uptime then 0 end)
        end as is_missed,
        min(case when committed_until_date >= as_of_date then committed_until_date end) as commitment_end_date
    from lines
    group by version_id, customer_id
),

-- The channel that sold most of the lines; a line served by a reseller counts as the partner's, whoever sold it.
served as (
    select
        version_id,
        customer_id,
        channel as served_by,
        row_number() over (partition by version_id, customer_id order by count(*) desc, channel asc) as place
    from (
        select version_id, customer_id, case when is_resold then 'partner' else sales_channel end as channel
        from lines
    ) as channels
    where channel is not null
    group by version_id, customer_id, channel
),

organizations as (
    select
        held.*,
        candidates.as_of_date,
        market.market_segment,
        market.group_id,
        market.group_members,
        companies.owns_others,
        coalesce(site_counts.sites, 0) as known_sites,
        site_counts.connected_sites,
        site_counts.redundant_sites,
        site_counts.sites_with_two_technologies,
        {% for family in families -%}
        features.has_{{ family }},
        {% endfor -%}
        features.upload_share_3m,
        features.business_hours_share_3m,
        features.term_months,
        served.served_by
    from held
    inner join candidates
        on held.version_id = candidates.version_id
    inner join {{ ref('customer_market') }} as market
        on
            held.version_id = market.version_id
            and held.customer_id = market.customer_id
    inner join {{ ref('customer_features') }} as features
        on
            candidates.as_of_date = features.as_of_date
            and held.customer_id = features.customer_id
    left join {{ ref('customer_groups_as_of') }} as companies
        on
            candidates.as_of_date = companies.as_of_date
            and held.customer_id = companies.customer_id
    left join site_counts
        on
            held.version_id = site_counts.version_id
            and held.customer_id = site_counts.customer_id
    left join served
        on
            held.version_id = served.version_id
            and held.customer_id = served.customer_id
            and served.place = 1
),

-- Look-alikes are the other customers of the segment that also have one site, or several.
compared as (
    select
        *,
        count(*) over look_alikes - 1 as look_alikes,
        {% for family in families -%}
        {{ ratio(
            'sum(case when has_' ~ family ~ ' then 1 else 0 end) over look_alikes'
            ~ ' - case when has_' ~ family ~ ' then 1 else 0 end',
            'count(*) over look_alikes - 1'
        ) }} as {{ family }}_share,
        {% endfor -%}
        known_sites > 1 as is_multi_site
    from organizations
    window look_alikes as (partition by version_id, market_segment, known_sites > 1)
),

-- The channels that customers of the segment say they prefer or, if they have not said, use.
segment_channels as (
    select
        version_id,
        market_segment,
        channel as segment_channel,
        customers,
        {{ ratio('customers', 'sum(customers) over (partition by version_id, market_segment)') }} as channel_share,
        sum(customers) over (partition by version_id, market_segment) as customers_known,
        row_number() over (partition by version_id, market_segment order by customers desc, channel asc) as place
    from (
        select version_id, market_segment, coalesce(own_channel, served_by) as channel, count(*) as customers
        from organizations
        where coalesce(own_channel, served_by) is not null
        group by version_id, market_segment, coalesce(own_channel, served_by)
    ) as counted
),

knowledge as (
    select
        as_of_date,
        customer_id,
        {{ listed("tag || ': ' || tag_value", 'tag') }} as account_tags
    from {{ ref('account_knowledge_as_of') }}
    group by as_of_date, customer_id
),

described as (
    select
        compared.*,
        segment_channels.segment_channel,
        segment_channels.channel_share,
        knowledge.account_tags,
        coalesce(
            compared.own_channel,
            case
                when segment_channels.customers_known >= {{ settings['least_look_alikes'] | int }}
                    then segment_channels.segment_channel
            end
        ) as preferred_channel,
        case
            when compared.look_alikes >= {{ settings['least_look_alikes'] | int }} then concat_ws(
                ', '
                {%- for family in families %},
                case
                    when
                        not compared.has_{{ family }}
                        and compared.{{ family }}_share >= {{ settings['lacking_share'] }}
                        then '{{ family }}'
                end
                {%- endfor %}
            )
        end as lacking_products,
        case
            when compared.market_segment in ({{ text_list(settings['tender_segments']) }})
                then {{ add_months('compared.commitment_end_date', -(settings['tender_opens_months'] | int)) }}
        end as tender_opens_date,
        case
            when compared.market_segment in ({{ text_list(settings['tender_segments']) }})
                then {{ add_months('compared.commitment_end_date', -(settings['tender_closes_months'] | int)) }}
        end as tender_closes_date
    from compared
    left join segment_channels
        on
            compared.version_id = segment_channels.version_id
            and compared.market_segment = segment_channels.market_segment
            and segment_channels.place = 1
    left join knowledge
        on
            compared.as_of_date = knowledge.as_of_date
            and compared.customer_id = knowledge.customer_id
)

select
    version_id,
    as_of_date,
    customer_id,
    market_segment,
    cast(open_contracts as integer) as open_contracts,
    cast(nullif(known_sites, 0) as integer) as sites,
    case
        when coalesce(connected_sites, 0) = 0 then 'unknown'
        when sites_with_two_technologies > 0 then 'two_technologies'
        when redundant_sites > 0 then 'second_line'
        else 'none'
    end as redundancy,
    cast(redundant_sites as integer) as redundant_sites,
    uptime_3m,
    agreed_uptime,
    is_missed = 1 as is_uptime_missed,
    upload_share_3m,
    business_hours_share_3m,
    has_security,
    has_fixed_voice as has_voice,
    has_cloud,
    {{ 'filtering = 1' if settings['filtering_products'] else 'cast(null as boolean)' }} as has_filtering,
    {{ 'support = 1' if settings['support_products'] else 'cast(null as boolean)' }} as has_dedicated_support,
    term_months,
    commitment_end_date,
    cast(tender_opens_date as date) as tender_opens_date,
    cast(tender_closes_date as date) as tender_closes_date,
    coalesce(as_of_date >= tender_opens_date and as_of_date <= tender_closes_date, false) as is_in_tender_window,
    group_id,
    group_members,
    case
        when group_id is null then 'independent'
        when customer_id = group_id then 'head'
        when owns_others then 'intermediate'
        else 'subsidiary'
    end as group_role,
    look_alikes,
    lacking_products,
    served_by,
    preferred_channel,
    case
        when own_channel is not null then 'It has said so.'
        when preferred_channel is not null
            then cast(cast(round(100 * channel_share) as integer) as varchar) || '% of its segment use or prefer it.'
        else 'Too little is known of its segment.'
    end
    || case
        when served_by is null then ' Who serves it is not known.'
        when served_by <> preferred_channel then ' It is served through another channel.'
        else ''
    end as channel_reason,
    account_tags
from described
