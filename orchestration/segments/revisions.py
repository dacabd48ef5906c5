"""Published months that late data have reached: what is due for revision, and why.

Every load records the months it added rows to, changed or took rows from (``ops.load_months``). A version knows the
last load it was made from (``segments.versions.last_load_id``). What came later and is dated in its month or before
makes it due: before, because trailing windows and past value look back.

The answer is on the safe side. A row can be in reach of a month and still change nothing there; segmenting the month
again finds that out, keeps the version and clears the mark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.months import month_of


@dataclass(frozen=True)
class DueMonth:
    """A published month that data have reached since its version was made.

    ``rows`` counts, by source table, the rows that were added, changed or taken away. ``first_load_id`` is the first
    load that brought any, ``earliest_month_end`` the earliest month they are dated in.
    """

    version_id: str
    as_of_date: date
    rows: Mapping[str, int]
    first_load_id: int
    earliest_month_end: date

    @property
    def month(self) -> str:
        """The month as ``YYYY-MM``."""
        return month_of(self.as_of_date)

    @property
    def reason(self) -> str:
        """What reached the month, in words."""
        tables = ", ".join(f"{table} {count:,}" for table, count in self.rows.items())
        dated = month_of(self.earliest_month_end)
        since = "of the month" if dated == self.month else f"from {dated} on"
        return f"rows {since}: {tables}"


def months_due(connection: duckdb.DuckDBPyConnection) -> list[DueMonth]:
    """Return the published months that are due for revision, oldest first; none where nothing was ever published."""
    tables = connection.execute(
        "select count(*) from information_schema.columns where (table_schema, table_name, column_name) in"
        " (('segments', 'versions', 'last_load_id'), ('ops', 'load_months', 'load_id'))"
    ).fetchall()
    if tables != [(2,)]:
        return []
    rows = connection.execute("""
        select
            versions.version_id, versions.as_of_date, reached.source_table,
            cast(sum(reached."rows") as bigint), min(reached.load_id), min(reached.month_end_date)
        from segments.versions as versions
        inner join ops.load_months as reached
            on reached.load_id > versions.last_load_id and reached.month_end_date <= versions.as_of_date
        where versions.status = 'published' and reached."rows" > 0
        group by all
        order by versions.as_of_date, reached.source_table
    """).fetchall()
    found: dict[str, DueMonth] = {}
    for version_id, as_of_date, table, count, load_id, month_end in rows:
        known = found.get(version_id)
        found[version_id] = DueMonth(
            version_id,
            as_of_date,
            {**(known.rows if known else {}), table: count},
            min(load_id, known.first_load_id) if known else load_id,
            min(month_end, known.earliest_month_end) if known else month_end,
        )
    return list(found.values())


def describe(due: Sequence[DueMonth]) -> str:
    """Return one sentence for a person: which months are due, and what to do."""
    if not due:
        return "No published month is due for revision."
    listed = ", ".join(each.month for each in due[:6]) + (f" … {due[-1].month}" if len(due) > 6 else "")
    months = "published month is" if len(due) == 1 else "published months are"
    return f"{len(due)} {months} due for revision: {listed}. 'segmentation run --revise' segments them again."
