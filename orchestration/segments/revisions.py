"""Published months that late data have reached: which are due for revision, and why.

Two things make a published month due. First, late data: every load records the months in which it added, changed or
removed rows (``ops.load_months``), and a version records the last load it was made from
(``segments.versions.last_load_id``). A later load with rows dated in the month or earlier makes it due; earlier,
because trailing windows and past value look back. Second, its predecessor: a month is made from the version of the
month before. If that one is due, or was replaced by a different one, the months after it are due too, so that each
month opens with what the month before closes with.

This errs on the safe side. A row may be dated in reach of a month and still change nothing there; segmenting the
month again finds that out, keeps the version and clears the mark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.months import month_of, previous_as_of_date


@dataclass(frozen=True)
class DueMonth:
    """A published month that is due for revision.

    ``rows`` counts, by source table, the rows added, changed or removed since its version was made; ``first_load_id``
    is the first load with any, ``earliest_month_end`` the earliest month they are dated in. Without such rows both are
    None, and ``made_on`` is the version of the month before from which it was made.
    """

    version_id: str
    as_of_date: date
    rows: Mapping[str, int]
    first_load_id: int | None = None
    earliest_month_end: date | None = None
    made_on: str | None = None

    @property
    def month(self) -> str:
        """The month as ``YYYY-MM``."""
        return month_of(self.as_of_date)

    @property
    def reason(self) -> str:
        """Why the month is due, in words."""
        if self.earliest_month_end is None:
            return f"made on version {self.made_on}, which is due for revision or was replaced"
        tables = ", ".join(f"{table} {count:,}" for table, count in self.rows.items())
        dated = month_of(self.earliest_month_end)
        since = "of the month" if dated == self.month else f"from {dated} on"
        return f"rows {since}: {tables}"


def months_due(connection: duckdb.DuckDBPyConnection) -> list[DueMonth]:
    """Return the published months that are due for revision, oldest first; empty if nothing was ever published."""
    tables = connection.execute(
        "select count(*) from information_schema.columns where (table_schema, table_name, column_name) in"
        " (('segments', 'versions', 'last_load_id'), ('ops', 'load_months', 'load_id'))"
    ).fetchall()
    if tables != [(2,)]:
        return []
    reached = {due.as_of_date: due for due in _reached_by_data(connection)}
    due: dict[date, DueMonth] = {}
    for version_id, as_of_date, made_on, is_replaced in _published(connection):
        if as_of_date in reached:
            due[as_of_date] = reached[as_of_date]
        elif made_on and (is_replaced or previous_as_of_date(as_of_date) in due):
            due[as_of_date] = DueMonth(version_id, as_of_date, {}, made_on=made_on)
    return list(due.values())


def _reached_by_data(connection: duckdb.DuckDBPyConnection) -> list[DueMonth]:
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
        first_load_id, earliest = known and known.first_load_id, known and known.earliest_month_end
        found[version_id] = DueMonth(
            version_id,
            as_of_date,
            {**(known.rows if known else {}), table: count},
            min(load_id, first_load_id or load_id),
            min(month_end, earliest or month_end),
        )
    return list(found.values())


def _published(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, date, str | None, bool]]:
    """Return for each published month, oldest first, what its latest revision was made from, and if that was replaced.

    An older revision may have been published again on purpose, so the latest one decides whether anything is new.
    Versions with the same inputs, settings and code are the same.
    """
    return connection.execute("""
        with latest as (
            select as_of_date, previous_version_id
            from segments.versions
            where status <> 'candidate'
            qualify row_number() over (partition by as_of_date order by revision desc) = 1
        )
        select
            published.version_id, published.as_of_date, latest.previous_version_id,
            coalesce(
                (before.input_hash, before.settings_hash, before.code_version)
                is distinct from (now.input_hash, now.settings_hash, now.code_version), false
            ) and before.version_id is not null and now.version_id is not null
        from segments.versions as published
        inner join latest using (as_of_date)
        left join segments.versions as before on latest.previous_version_id = before.version_id
        left join segments.versions as now
            on now.status = 'published'
            and now.as_of_date = last_day(published.as_of_date - interval 1 month)
        where published.status = 'published'
        order by published.as_of_date
    """).fetchall()


def describe(due: Sequence[DueMonth]) -> str:
    """Return one sentence for a person: which months are due, and what to do."""
    if not due:
        return "No published month is due for revision."
    listed = ", ".join(each.month for each in due[:6]) + (f" … {due[-1].month}" if len(due) > 6 else "")
    months = "published month is" if len(due) == 1 else "published months are"
    return f"{len(due)} {months} due for revision: {listed}. 'segmentation run --revise' segments them again."
