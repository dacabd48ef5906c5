"""Growth by cursor: only the rows that a database has added or changed since the last run are read.

A row without a cursor value is read every time: nothing says that it is known. Where the scanner can, both conditions
run on the server, which is why they are two scans: a scanner does not push down an "or".
"""

import re

import duckdb

from orchestration.lib.errors import SourceError
from orchestration.lib.ingest.explain import explained
from orchestration.lib.ingest.readers import describe
from orchestration.lib.settings import SourceSettings

CURSOR = "_cursor"
_TIMES = re.compile(r"DATE|TIMESTAMP.*")
_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER|DECIMAL.*")


def since(
    connection: duckdb.DuckDBPyConnection, table: str, source: SourceSettings, rows: str, last: str | None
) -> str:
    """Return the rows whose cursor is not less than the last value less the lookback, with ``_cursor``.

    Raises:
        SourceError: the cursor cannot be read, or does not sort as what it means; or the lookback does not fit it.
    """
    setting, cursor = f"sources.{table}.cursor", f"(\n{source.cursor}\n)"
    with explained(setting):
        kind = describe(connection, f"select {cursor} as {CURSOR} from ({rows})")[CURSOR]
    if not (_TIMES.fullmatch(kind) or _NUMBERS.fullmatch(kind)):
        raise SourceError(
            f"{setting}: {source.cursor} gives {kind}, which may not sort in the order the rows came. Cast it, for "
            f"example try_cast({source.cursor} as timestamp) or try_cast({source.cursor} as bigint)."
        )
    # An endless time is of no use to go on from, so it is not remembered.
    value = f"case when isfinite({cursor}) then {cursor} end" if _TIMES.fullmatch(kind) else cursor
    selected = f"select *, {value} as {CURSOR} from ({rows})"
    if last is None:
        return selected
    start = _start(connection, table, source, kind, last)
    return f"{selected} where {cursor} >= {start} union all {selected} where {cursor} is null"


def _start(connection: duckdb.DuckDBPyConnection, table: str, source: SourceSettings, kind: str, last: str) -> str:
    """Return the value to read from as a literal, so that the server can use an index for it."""
    amount = "interval" if _TIMES.fullmatch(kind) else "bigint"
    subtracted = f" - cast($lookback as {amount})" if source.lookback else ""
    try:
        start = connection.execute(
            f"select cast(cast($last as {kind}){subtracted} as varchar)",
            {"last": last} | ({"lookback": source.lookback} if source.lookback else {}),
        ).fetchall()[0][0]
    except duckdb.ConversionException as error:
        raise SourceError(
            f"sources.{table}.lookback: {source.lookback!r} cannot be taken from {last!r}. Give an interval such as "
            f"'3 days' for a date or time, a whole number for a number."
        ) from error
    return f"cast('{start}' as {kind})"
