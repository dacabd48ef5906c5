"""What a run builds: its months and, once opened, its candidates, recorded under the run's identifier.

The writers' lock separates runs in time; the identifier separates them when a single step is run again.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import duckdb


def set_scope(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    scope: Mapping[date, str | None],
    last_load_id: int | None = None,
) -> None:
    """Record which months (and, once opened, which candidates) the dbt models of a run build.

    The models read only the rows of their own run. A month belongs to the run that recorded it last.

    Args:
        connection: to the lake.
        run_id: the run.
        scope: its months, each with its candidate or None.
        last_load_id: the last load whose rows the features can contain; by default what is recorded per month, else 0.
    """
    days = list(scope)
    known = features_last_load_ids(connection, days) if last_load_id is None else dict.fromkeys(days, last_load_id)
    connection.execute(
        "delete from ops.run_scope where run_id is null or run_id = ? or as_of_date in (select unnest(?::date[]))",
        [run_id, days],
    )
    connection.execute(
        "insert into ops.run_scope (run_id, as_of_date, version_id, last_load_id)"
        " select ?, unnest(?::date[]), unnest(?::varchar[]), unnest(?::bigint[])",
        [run_id, days, list(scope.values()), [known.get(day, 0) for day in days]],
    )


def features_last_load_ids(connection: duckdb.DuckDBPyConnection, days: Iterable[date]) -> dict[date, int]:
    """Return the last load whose rows the features of each month can contain, if recorded."""
    return dict(
        connection.execute(
            "select as_of_date, max(last_load_id) from ops.run_scope"
            " where as_of_date in (select unnest(?::date[])) group by as_of_date",
            [list(days)],
        ).fetchall()
    )
