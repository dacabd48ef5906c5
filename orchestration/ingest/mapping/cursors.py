"""Growth by cursor: only the rows that a database has added or changed since the last run are read.

The cursor of a row is the largest of its cursor columns. A scanner passes to the server only comparisons of a bare
column with a literal: no cast, no ``greatest``, no ``or``, no ``is null``. So there is one scan per column, for the
rows that no earlier scan has returned, and one for the rows without a cursor.
"""

import re
from collections.abc import Sequence

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import explained
from orchestration.ingest.reading.readers import describe
from orchestration.settings import SourceSettings

CURSOR = "_cursor"
_TIMES = re.compile(r"DATE|TIMESTAMP.*")
_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER|DECIMAL.*")


def since(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    source: SourceSettings,
    rows: str,
    last: str | None,
    unmarked: str | None = None,
) -> str:
    """Return the rows whose cursor is not less than the last value minus the lookback, with ``_cursor``.

    Args:
        connection: where the rows can be read.
        table: the table of the contract.
        source: names the cursor.
        rows: a query.
        last: the largest cursor so far; None for all rows.
        unmarked: a query that returns at least the rows without a cursor, if one is cheaper than ``rows``.

    Raises:
        SourceError: the cursor cannot be read, or does not sort by its meaning, or the lookback does not fit it.
    """
    columns = [f"(\n{column}\n)" for column in source.cursor]
    kinds = _kinds(connection, table, source.cursor, rows)
    # An infinite time is useless as a starting point, so it is not remembered.
    values = [
        f"case when isfinite({column}) then {column} end" if _TIMES.fullmatch(kind) else column
        for column, kind in zip(columns, kinds, strict=True)
    ]
    selected = f"select *, greatest({', '.join(values)}) as {CURSOR}"
    has_none = " and ".join(f"{column} is null" for column in columns)
    if last is None:
        return f"{selected} from ({rows})" + (f" where not ({has_none})" if source.without_cursor == "leave" else "")
    starts = _starts(connection, table, source, kinds, last)
    scans = [
        f"{selected} from ({rows}) where {column} >= {start}"
        + "".join(f" and coalesce({columns[before]} < {starts[before]}, true)" for before in range(number))
        for number, (column, start) in enumerate(zip(columns, starts, strict=True))
    ]
    if source.without_cursor == "read":
        scans.append(f"{selected} from ({unmarked or rows}) where {has_none}")
    return " union all ".join(scans)


def _kinds(connection: duckdb.DuckDBPyConnection, table: str, cursor: Sequence[str], rows: str) -> list[str]:
    """Return the types of the cursor's columns."""
    setting = f"sources.{table}.cursor"
    with explained(setting):
        selected = ", ".join(f"(\n{column}\n) as c{number}" for number, column in enumerate(cursor))
        kinds = list(describe(connection, f"select {selected} from ({rows})").values())
    for column, kind in zip(cursor, kinds, strict=True):
        if not (_TIMES.fullmatch(kind) or _NUMBERS.fullmatch(kind)):
            raise SourceError(
                f"{setting}: {column} gives {kind}, which may not sort in the order the rows came. Cast it, for "
                f"example try_cast({column} as timestamp) or try_cast({column} as bigint)."
            )
    if len({bool(_TIMES.fullmatch(kind)) for kind in kinds}) > 1:
        given = ", ".join(f"{column} gives {kind}" for column, kind in zip(cursor, kinds, strict=True))
        raise SourceError(f"{setting}: {given}. Times and numbers do not compare: cast them to one type.")
    return kinds


def _starts(
    connection: duckdb.DuckDBPyConnection, table: str, source: SourceSettings, kinds: Sequence[str], last: str
) -> list[str]:
    """Return the value to read from, as a literal of each column's type, so that the server can use an index."""
    common = describe(connection, f"select greatest({', '.join(f'null::{kind}' for kind in kinds)}) as c")["c"]
    amount = "interval" if _TIMES.fullmatch(common) else "bigint"
    subtracted = f" - cast($lookback as {amount})" if source.lookback else ""
    try:
        starts = connection.execute(
            "select "
            + ", ".join(f"cast(cast(cast($last as {common}){subtracted} as {kind}) as varchar)" for kind in kinds),
            {"last": last} | ({"lookback": source.lookback} if source.lookback else {}),
        ).fetchall()[0]
    except duckdb.ConversionException as error:
        raise SourceError(
            f"sources.{table}.lookback: {source.lookback!r} cannot be taken from {last!r}. Give an interval such as "
            f"'3 days' for a date or time, a whole number for a number."
        ) from error
    return [f"cast('{start}' as {kind})" for start, kind in zip(starts, kinds, strict=True)]
