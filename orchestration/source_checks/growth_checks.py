"""Checks of volume and freshness compared with the past."""

from orchestration.source_checks.check import Check

# Tables with rows for every day, and tables with similar months.
DAILY = ("usage", "usage_sessions", "service_quality", "balances")
MONTHLY = ("invoices", "payments", "interactions")

GROWTH: tuple[Check, ...] = (
    Check(
        name="rows_of_day_to_past",
        is_of_days=True,
        tables=DAILY,
        description="Rows of a day against the median day of the weeks before: of the last seven complete days, the one"
        " furthest off.",
        sql="""
            with days as (
                select {date} as day, count(*) as row_count from raw.{table}
                where {date} between $recent_start and $last_day group by all
            ),
            past as (
                select median(row_count) as row_count from days where day < $week_start having count(*) >= 7
            )
            select days.row_count / past.row_count as value, days.*, past.row_count as past_count
            from days inner join past on past.row_count >= $least_rows
            where days.day >= $week_start
            order by abs(ln(days.row_count / past.row_count)) desc, days.day limit 1
        """,
        says="{day} has {row_count:,} rows, {value:.2f} times the {past_count:,.0f} of a usual day before.",
        otherwise="No past to compare: too few days, or too few rows per day.",
        remedy="Look whether the file of that day is cut short, delivered twice, or misses a network node.",
    ),
    Check(
        name="rows_of_month_to_past",
        tables=MONTHLY,
        description="Rows of the last complete month against the median of the months before.",
        sql="""
            with months as (
                select last_day({date}) as month, count(*) as row_count from raw.{table}
                where {date} >= $past_start and {date} < $next_month group by all
            ),
            past as (
                select median(row_count) as row_count from months where month < $last_month having count(*) >= 3
            )
            select
                last.row_count / past.row_count as value, last.*, past.row_count as past_count
            from (
                select cast($last_month as date) as month,
                    coalesce((select row_count from months where month = $last_month), 0) as row_count
            ) as last
            left join past on past.row_count >= $least_rows
        """,
        says="{month:%Y-%m} has {row_count:,} rows, {value:.2f} times the {past_count:,.0f} of a usual month before.",
        otherwise="No past to compare: fewer than three months, or too few rows per month.",
        remedy="Look whether the export of that month is complete, or was delivered twice.",
    ),
    Check(
        name="missing_days",
        is_of_days=True,
        tables=("usage", "usage_sessions", "balances"),
        description="Days without a single row between the first and the last day of the recent months.",
        sql="""
            with days as (
                select distinct {date} as day from raw.{table} where {date} between $months_start and $table_newest
            ),
            missing as (
                select unnest(generate_series(min(day), max(day), interval 1 day))::date as day from days
                except select day from days
            )
            select
                (select count(*) from missing) as value,
                min(day) as first_day, max(day) as latest_day,
                coalesce((select ': ' || string_agg(day::varchar, ', ' order by day)
                          from (from missing order by day limit 5)), '') as named
            from days having count(*) > 0
        """,
        says="{value:,} days without a row between {first_day} and {latest_day}{named}.",
        otherwise="No rows in the recent months.",
        remedy="Ask for the files of these days and load them: a day without usage looks like customers who left.",
    ),
    Check(
        name="days_behind",
        is_of_days=True,
        tables=("customers", "contracts", "calls", *MONTHLY, *DAILY),
        description="Days from the newest date in the table to the newest fact in the lake.",
        sql="""
            select
                case when $newest is not null then greatest(date_diff('day', $table_newest, $newest), 0) end as value,
                cast($table_newest as date) as newest_here, cast($newest as date) as newest
        """,
        says="The newest row is of {newest_here}, {value:,} days behind the newest fact in the lake ({newest}).",
        otherwise="No other table has facts to compare with.",
        remedy="See whether the export of this table stopped, or whether its files go elsewhere.",
    ),
    Check(
        name="deleted_share",
        tables=("customers", "contracts", "calls", *MONTHLY, *DAILY),
        description="Share of rows that the last delivery of a whole table no longer has.",
        sql="""
            select
                $rows_deleted / nullif($rows_deleted + $rows_in_table, 0) as value,
                $rows_deleted as rows_deleted, $rows_in_table as rows_in_table
        """,
        says="{value:.1%} of the rows are gone from the source: {rows_deleted:,}, and {rows_in_table:,} are there now.",
        otherwise="Nothing was loaded.",
        remedy="See whether the export was cut short. If the rows are really gone, raise the limit of"
        " checks.deleted_share for this table once.",
        is_of_load=True,
    ),
)
