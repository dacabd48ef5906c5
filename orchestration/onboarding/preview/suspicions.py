"""What the rows of a source give reason to doubt: the format of dates, and events that are taken for customers."""

import duckdb

from orchestration.ingest.loading.batch import REJECTED
from orchestration.ingest.mapping.map_rows import Mapped
from orchestration.lake.contract import Table
from orchestration.onboarding.init.profiling import DATE_FORMATS, TIME_FORMATS
from orchestration.onboarding.init.vocabulary import name_score
from orchestration.settings import SourceSettings

# Of the rows looked at, rejected for one column of dates, from which the format is wrong rather than the values.
_MOST = 0.5
# Of those values, read by a format for it to fit.
_FITS = 0.95
_FEWEST = 5
# Days since 1899-12-30 of the years 1954 to 2119, and seconds since 1970 of 2001 to 2033.
_SERIAL_DAYS, _SECONDS = r"[2-7]\d{4}(\.\d+)?", r"1\d{9}"
# Likeness of a name from which a column is a customer's identifier, and the share of its values that differ below which
# it repeats.
_NAMED, _REPEATS = 0.9, 0.9


def date_format_doubts(
    connection: duckdb.DuckDBPyConnection, table: Table, location: str | None, sampled: int
) -> list[str]:
    """Return a sentence for each date that most rows break, with the format that would fit; reads ``_rejected``."""
    doubts = []
    for column in table.columns:
        if column.data_type not in {"date", "timestamp"}:
            continue
        values = f"(select trim(_value) as value from {REJECTED} where column_name = '{column.name}'"
        values += " and reason = 'wrong_type')"
        count, example = connection.execute(f"select count(value), min(value) from {values}").fetchall()[0]
        if count < _FEWEST or count <= _MOST * sampled:
            continue
        setting = f"locations.{location}" if location else "the location"
        doubts.append(
            f"{column.name}: {count:,} of {sampled:,} values are not dates as they are read (for example {example!r}). "
            + _advice(connection, values, f"{setting}.{'date' if column.data_type == 'date' else 'timestamp'}_format")
        )
    return doubts


def _advice(connection: duckdb.DuckDBPyConnection, values: str, setting: str) -> str:
    """Say which formats read nearly all of the values."""
    found = []
    is_iso = "if(try_cast(value as timestamp) is not null and regexp_matches(value, '^\\d{4}-'), 1, 0)"
    if connection.execute(f"select avg({is_iso}) from {values}").fetchall()[0][0] >= _FITS:
        return (
            f"They are ISO dates, but a location that is read here has another {setting.rpartition('.')[2]}, which "
            "holds for all text of the source: cast them to dates in its SQL."
        )
    for form in (*DATE_FORMATS, *TIME_FORMATS):
        share = connection.execute(
            f"select avg(if(try_strptime(value, ?) is not null, 1, 0)) from {values}", [form]
        ).fetchall()[0][0]
        if share >= _FITS:
            found.append((form, share))
    if found:
        read = " or ".join(f"{form!r} reads {share:.0%} of them" for form, share in found[:2])
        which = " Nothing in the values tells which of the two it is." if len(found) > 1 else ""
        return f"{read}: set {setting}.{which}"
    for pattern, what in (
        (_SERIAL_DAYS, "Excel's serial days: write date '1899-12-30' + cast(… as integer)"),
        (_SECONDS, "seconds since 1970: write to_timestamp(cast(… as bigint))"),
    ):
        share = connection.execute(
            f"select avg(if(regexp_full_match(value, ?), 1, 0)) from {values}", [pattern]
        ).fetchall()[0][0]
        if share >= _FITS:
            return f"They look like {what} in its column."
    return f"No usual format reads them; see whether it is the right column, else set {setting}."


def event_file_doubt(
    connection: duckdb.DuckDBPyConnection, table: Table, source: SourceSettings, mapped: Mapped, rows: str
) -> str | None:
    """Return why the customers look like events: their identifier never repeats, and another one in the file does.

    Args:
        connection: reads ``rows``.
        table: the table that is filled; only customers can be doubted so.
        source: which column its identifier is.
        mapped: the columns of its source.
        rows: SQL of the rows of the source, before they are mapped.
    """
    own = source.columns.get("customer_id", "customer_id").strip().strip('"')
    by_name = {name.lower(): name for name in mapped.source_columns}
    if table.name != "customers" or own.lower() not in by_name:
        return None
    own = by_name[own.lower()]
    for other in by_name.values():
        if other == own or name_score(other, "customers", "customer_id") < _NAMED:
            continue
        count, mine, theirs, value, events = connection.execute(f"""
            with sample as (select "{own}" as own, "{other}" as other from ({rows}) where "{other}" is not null),
            most as (select other, count(*) as events from sample group by all order by events desc, other limit 1)
            select count(*), count(distinct own), count(distinct other), (select other from most),
                (select min(own) || ' and ' || max(own) from sample semi join most using (other))
            from sample
        """).fetchall()[0]
        if count >= _FEWEST and mine == count and theirs < _REPEATS * count:
            return (
                f"customer_id is {own}, of which no value repeats, while {other} of the same file does ({theirs:,} "
                f"different ones in {count:,} rows; for example {events} are both of {value}). If these are events or "
                f"contracts and {other} is the customer, group by it."
            )
    return None
