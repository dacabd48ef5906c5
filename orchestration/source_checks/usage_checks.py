"""Checks of direction, units and dates of usage.

``_recent_usage`` (one row per contract, made once by ``run``) aggregates the days of the window.
"""

from orchestration.source_checks.check import Check

PREPARED = "_recent_usage"
TRAFFIC = ("usage", "usage_sessions")

# Session counters are cumulative, so the same bytes occur in several reports; a share of sums is not affected.
_BY_CONTRACT = """
    (select contract_id, sum(bytes_down) as bytes_down, sum(bytes_up) as bytes_up
     from raw.{table} where {date} between $recent_start and $table_newest group by all)
"""

# The rate of a contract is that of its latest state.
PREPARE = f"""
    create or replace temp table {PREPARED} as
    with rates as (
        select contract_id, arg_max(download_mbps, valid_from_date) as download_mbps from raw.contracts group by all
    )
    select
        usage.contract_id,
        count(*) as days,
        sum(usage.bytes_down) as bytes_down,
        sum(usage.bytes_up) as bytes_up,
        count(*) filter (rates.download_mbps > 0) as days_with_rate,
        count(*) filter (usage.bytes_down > rates.download_mbps * 1e6 / 8 * 86400) as days_above_rate,
        count(*) filter (usage.peak_mbps is not null) as days_with_peak,
        count(*) filter (usage.bytes_down > usage.peak_mbps * 1e6 / 8 * 86400) as days_above_peak
    from raw.usage as usage
    left join rates using (contract_id)
    where usage.usage_date between $recent_start and $table_newest
    group by all
"""

USAGE: tuple[Check, ...] = (
    Check(
        name="upload_share",
        tables=TRAFFIC,
        description="Share of the recent traffic that is upload: above one half the directions are swapped.",
        sql=f"""
            select
                sum(bytes_up) / nullif(sum(bytes_down) + sum(bytes_up), 0) as value,
                sum(bytes_down) / 1e9 as gb_down, sum(bytes_up) / 1e9 as gb_up
            from {_BY_CONTRACT}
        """,
        says="{value:.1%} of the recent traffic is upload: {gb_up:,.0f} GB up, {gb_down:,.0f} GB down.",
        otherwise="No recent traffic.",
        remedy="Customers download more than they upload: bytes_down is what the customer received. RADIUS"
        " Acct-Input-Octets is upload, Splynx in_bytes of a session is download. Swap bytes_down and bytes_up.",
    ),
    Check(
        name="uploading_contract_share",
        tables=TRAFFIC,
        description="Share of contracts that upload more than they download: many point to one network node or vendor"
        " whose directions are swapped.",
        sql=f"""
            select
                count(*) filter (bytes_up > bytes_down) / nullif(count(*), 0) as value,
                count(*) filter (bytes_up > bytes_down) as contracts_up, count(*) as contracts
            from {_BY_CONTRACT} where bytes_down + bytes_up > 0
        """,
        says="{value:.1%} of contracts upload more than they download: {contracts_up:,} of {contracts:,}.",
        otherwise="No recent traffic.",
        remedy="Look whether they share a network node, a vendor or a file, and swap the directions of that one.",
    ),
    Check(
        name="usage_gb_month",
        is_of_days=True,
        tables=("usage",),
        description="Median gigabytes (10^9 bytes) per contract and 30 days, both directions, of contracts with "
        "traffic.",
        sql=f"""
            select median(bytes_down + bytes_up) / 1e9 * 30
                / (select count(distinct usage_date) from raw.usage
                   where usage_date between $recent_start and $table_newest) as value
            from {PREPARED} where bytes_down + bytes_up > 0
        """,
        says="A contract has {value:,.2f} GB in 30 days (median).",
        otherwise="No recent traffic.",
        remedy="Fixed broadband has about 30 GB (small rural ISP) to 400 GB (2024). Bits taken for bytes make it 8"
        " times too much, kilobytes 1,000 times too little: convert bytes_down and bytes_up.",
    ),
    Check(
        name="usage_above_rate_share",
        is_of_days=True,
        tables=("usage",),
        needs=("contracts",),
        description="Share of recent contract-days with more download than the rate sold could carry in 24 hours.",
        sql=f"""
            select
                sum(days_above_rate) / nullif(sum(days_with_rate), 0) as value,
                sum(days_above_rate) as days_above, sum(days_with_rate) as days
            from {PREPARED}
        """,
        says="{value:.2%} of contract-days carry more than the rate sold allows: {days_above:,} of {days:,}.",
        otherwise="No recent traffic of contracts with download_mbps.",
        remedy="Either usage is in bits (divide by 8) or multiplied by 1,000 or 1,024, or download_mbps is in Gbit/s.",
    ),
    Check(
        name="usage_above_peak_share",
        is_of_days=True,
        tables=("usage",),
        description="Share of recent contract-days with more download than the day's highest rate could carry in 24"
        " hours.",
        sql=f"""
            select
                sum(days_above_peak) / nullif(sum(days_with_peak), 0) as value,
                sum(days_above_peak) as days_above, sum(days_with_peak) as days
            from {PREPARED}
        """,
        says="{value:.2%} of contract-days carry more than their peak rate allows: {days_above:,} of {days:,}.",
        otherwise="No recent traffic with peak_mbps.",
        remedy="Either usage is in bits (divide by 8) or multiplied by 1,000 or 1,024, or peak_mbps is in Gbit/s or"
        " megabytes a second.",
    ),
    Check(
        name="usage_of_day_to_past",
        is_of_days=True,
        tables=("usage",),
        description="Volume of a contract with traffic on a day (geometric mean) against the median day of the weeks"
        " before: of the last seven complete days, the one furthest off.",
        sql="""
            with days as (
                select {date} as day, exp(avg(ln(bytes_down + bytes_up))) / 1e9 as gb, count(*) as row_count
                from raw.{table}
                where {date} between $recent_start and $last_day and bytes_down + bytes_up > 0
                group by all having count(*) >= $least_rows
            ),
            past as (
                select median(gb) as gb from days where day < $week_start having count(*) >= 7
            )
            select days.gb / past.gb as value, days.*, past.gb as past_gb
            from days cross join past
            where days.day >= $week_start
            order by abs(ln(days.gb / past.gb)) desc, days.day limit 1
        """,
        says="{day} has {gb:,.3g} GB a contract, {value:,.3g} times the {past_gb:,.3g} of a usual day before.",
        otherwise="No past to compare: too few days, or too few contracts with traffic.",
        remedy="A step of 8 is bits taken for bytes, one of 1,000 or 1,024 another unit: see what changed in the export"
        " of that day, and convert bytes_down and bytes_up from that file on.",
    ),
    Check(
        name="sold_mbps",
        tables=("contracts",),
        description="Median download rate sold, megabits a second.",
        sql="""
            select median(download_mbps) as value, count(download_mbps) as contracts
            from raw.contracts where download_mbps > 0
        """,
        says="The median rate sold is {value:,.3g} Mbit/s, of {contracts:,} rows with a rate.",
        otherwise="No contract has download_mbps.",
        remedy="download_mbps is in megabits a second: divide kbit/s by 1,000, multiply Gbit/s by 1,000.",
    ),
)


def _outside_life(name: str, description: str, condition: str, words: str, remedy: str) -> Check:
    """Return a check that counts dated rows outside the life of their contract.

    It covers the recent months and everything loaded since the last check, so that a first load is checked completely
    and a nightly check costs only what the night brought.
    """
    return Check(
        name=name,
        tables=(*TRAFFIC, "service_quality"),
        needs=("contracts",),
        description=description,
        sql=f"""
            with lives as (
                select contract_id, min(start_date) as start_date, arg_max(end_date, valid_from_date) as end_date
                from (
                    select contract_id, start_date, valid_from_date,
                        coalesce(end_date, date '9999-12-31') as end_date
                    from raw.contracts
                )
                group by all
            ),
            judged as (
                select * from raw.{{table}} where {{date}} >= $months_start
                union all
                select * from raw.{{table}} where {{date}} < $months_start and _load_id > $last_load
            ),
            outside as (
                select judged.* from judged inner join lives using (contract_id) where {condition}
            )
            select
                count(*) as value,
                count(distinct contract_id) as contracts,
                coalesce(sum({{amount}}), 0) / 1e9 as gb,
                coalesce('from ' || min({{date}}) || ' to ' || max({{date}}) || ' ', '') as days
            from outside
        """,
        says=f"{{value:,}} rows of {{contracts:,}} contracts {{days}}are dated {words} ({{gb:,.1f}} GB).",
        otherwise="Nothing was judged.",
        remedy=remedy,
        amount={
            "usage": "bytes_down + bytes_up",
            # The last report of a session has all of its bytes.
            "usage_sessions": "case when ended_at is not null then bytes_down + bytes_up end",
            "service_quality": "0",
        },
    )


LIFE: tuple[Check, ...] = (
    _outside_life(
        "usage_after_contract_end",
        "Rows dated on or after the end date of their contract. They stay in the table; features count such days apart"
        " (intermediate.usage_months.usage_days_after_end) and in no volume.",
        "judged.{date} >= lives.end_date",
        "on or after the end of their contract",
        "Either the end date is too early, or lines stay open after the contract. end_date is the first day without"
        " service. Correct the mapping of end_date, or leave such rows out with 'where'.",
    ),
    _outside_life(
        "usage_before_contract_start",
        "Rows dated before the start date of their contract.",
        "judged.{date} < lives.start_date",
        "before the start of their contract",
        "start_date is the first day of service in any state of the contract: do not map the date of the last change.",
    ),
)
