"""A target beside the lake: numbers of rows and values and sums, for every part of every table."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from orchestration.ingest.sql_text import sql_name
from orchestration.serving.contents import Contents
from orchestration.serving.tables import REGISTRY, ServedTable

_SUMMED = ("decimal", "integer", "bigint")
_SHOWN = 5


def differences(
    contents: Contents,
    read: Callable[[str, Callable[[str], str]], list[Any]],
) -> list[str]:
    """Return where a target differs from the lake, a sentence each.

    Args:
        contents: what the lake holds for the target.
        read: returns the rows of a query over a table of the target, over a connection that is not this one.
    """
    found = []
    with ThreadPoolExecutor(max_workers=1) as executor:
        # The target answers while the lake is read.
        asked = {name: executor.submit(read, name, _totals(table)) for name, table in contents.tables.items()}
        for table in contents.tables.values():
            here = dict(_keyed(contents.totals(totals_of_lake(contents, table))))
            there = dict(_keyed(asked[table.name].result()))
            found += _differences_of(table, here, there)
    return found


def totals_of_lake(contents: Contents, table: ServedTable) -> str:
    """Return the query of what a table of the lake is compared by."""
    return _totals(table)(f"({contents.rows_sql(table)})")


def _differences_of(
    table: ServedTable, here: dict[str, tuple[Any, ...]], there: dict[str, tuple[Any, ...]]
) -> list[str]:
    return [
        f"{table.name} of {part}: {_difference(table, here.get(part), there.get(part))}"
        for part in sorted(here.keys() | there.keys())
        if here.get(part) != there.get(part)
    ]


def _totals(table: ServedTable) -> Callable[[str], str]:
    """Return a query over a table, in SQL that every target speaks: per part its rows, values and sums."""
    measures = ["count(*) as row_count"]
    measures += [
        f"cast({measure}({sql_name(column)}) as varchar) as m{number}"
        for number, (column, measure) in enumerate(_measured(table))
    ]
    part = table.part_sql
    grouped = "having count(*) > 0" if table.part_by is None else f"group by {part}"
    return lambda source: f"select {part} as part, {', '.join(measures)} from {source} as t {grouped}"


def _measured(table: ServedTable) -> list[tuple[str, str]]:
    """Return what is measured: how many values each column has, sums of exact numbers, and of the registry statuses."""
    counts = [(column.name, "count") for column in table.columns]
    sums = [(column.name, "sum") for column in table.columns if column.sql_type.startswith(_SUMMED)]
    # One row per version, so the least of them is all there is.
    statuses = [(column.name, "min") for column in table.columns if table.name == REGISTRY and column.name == "status"]
    return counts + sums + statuses


def _keyed(rows: list[Any]) -> list[tuple[str, tuple[Any, ...]]]:
    return [(str(row[0]), tuple(row[1:])) for row in rows]


def _difference(table: ServedTable, here: tuple[Any, ...] | None, there: tuple[Any, ...] | None) -> str:
    if there is None:
        return "missing on the target"
    if here is None:
        return "on the target, and no longer published"
    if here[0] != there[0]:
        return f"{here[0]:,} rows in the lake, {there[0]:,} on the target"
    named = [
        f"{measure} of {column} {one} in the lake, {other} on the target"
        for (column, measure), one, other in zip(_measured(table), here[1:], there[1:], strict=True)
        if one != other
    ]
    return "; ".join(named[:_SHOWN])
