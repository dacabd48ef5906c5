"""Which months of a run have to be built at all, decided before anything is built.

A version is determined by its inputs, settings, code and the version of the month before. All but the inputs are known
at once, and later loads are on record by the months they are dated in (``ops.load_months``). If none of these has
changed, building the month again could only give the same rows.
"""

from collections.abc import Iterable
from datetime import date

import duckdb

from orchestration.months import previous_as_of_date


def days_to_build(
    connection: duckdb.DuckDBPyConnection, days: Iterable[date], code_version: str, settings_hash: str
) -> list[date]:
    """Return the days from the first one that may differ from its latest version, oldest first; empty if none may.

    A month depends on the one before, so every month after one that is built is built too. A candidate that was never
    published is built again, and so is a month that late data have reached (``revisions.months_due``).
    """
    ordered = sorted(set(days))
    if not _has_registry(connection):
        return ordered
    known = {
        row[0]: row[1:]
        for row in connection.execute(
            """
            select
                as_of_date, previous_version_id, last_load_id,
                status <> 'candidate' and code_version = ? and settings_hash = ? as is_made_alike
            from segments.versions
            qualify row_number() over (partition by as_of_date order by revision desc) = 1
            """,
            [code_version, settings_hash],
        ).fetchall()
    }
    published = dict(
        connection.execute("select as_of_date, version_id from segments.versions where status = 'published'").fetchall()
    )
    for place, day in enumerate(ordered):
        previous_version_id, last_load_id, is_made_alike = known.get(day, (None, None, False))
        is_after_the_same = previous_version_id == published.get(previous_as_of_date(day))
        if not (is_made_alike and is_after_the_same) or _is_reached(connection, day, last_load_id):
            return ordered[place:]
    return []


def _is_reached(connection: duckdb.DuckDBPyConnection, day: date, last_load_id: int | None) -> bool:
    """Whether rows dated up to a day were added, changed or removed after a load; true if that load is unknown."""
    if last_load_id is None:
        return True
    reached = 'select 1 from ops.load_months where load_id > ? and month_end_date <= ? and "rows" > 0 limit 1'
    return bool(connection.execute(reached, [last_load_id, day]).fetchall())


def _has_registry(connection: duckdb.DuckDBPyConnection) -> bool:
    columns = connection.execute(
        "select count(*) from information_schema.columns where (table_schema, table_name, column_name) in"
        " (('segments', 'versions', 'last_load_id'), ('ops', 'load_months', 'load_id'))"
    ).fetchall()
    return columns == [(2,)]
