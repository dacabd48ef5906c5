"""Compare a target with the lake: row counts, value counts and sums for every part of every table."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.serving.contents import Contents
from orchestration.serving.tables import REGISTRY, ServedTable

_SUMMED = ("decimal", "integer", "bigint")
_SHOWN = 5


def differences(
    contents: Contents,
    read: Callable[[str, Callable[[str], str]], list[Any]],
    moved: Collection[str] = (),
) -> list[str]:
    """Return how a target differs from the lake, one sentence per difference.

    Args:
        contents: what the lake holds for the target.
        read: returns the rows of a query over a table of the target, using another connection.
        moved: keys of the parts that were just moved. If there are any, the other parts of large tables are compared
            by row count alone, so that the cost depends on what was moved. Otherwise everything is compared.
    """
    found = []
    in_full = {name: _parts_in_full(contents, table, moved) for name, table in contents.tables.items()}
    with ThreadPoolExecutor(max_workers=1) as executor:
        # The target answers while the lake is read.
        asked = {
            name: executor.submit(read, name, _totals(table, in_full[name])) for name, table in contents.tables.items()
        }
        for name, table in contents.tables.items():
            here = _here(contents, table, in_full[name])
            there = dict(_keyed(asked[name].result()))
            found += _differences_of(table, here, there)
    return found


def totals_of_lake(contents: Contents, table: ServedTable) -> str:
    """Return the query whose result is compared for a whole table of the lake."""
    return _totals(table)(f"({contents.rows_sql(table)})")


def _parts_in_full(contents: Contents, table: ServedTable, moved: Collection[str]) -> frozenset[str] | None:
    """Return the parts that are compared in full; None for all of them."""
    parts = {part.key for part in contents.stamps if part.table == table.name}
    return frozenset(parts.intersection(moved)) if moved and table.is_large and parts.difference(moved) else None


def _here(contents: Contents, table: ServedTable, in_full: frozenset[str] | None) -> dict[str, tuple[Any, ...]]:
    """Return the measures of each part in the lake; only the row count for parts that are not compared in full."""
    if in_full is None:
        return dict(_keyed(contents.totals(totals_of_lake(contents, table))))
    unread = (None,) * len(_measured(table))
    found = {part.key: (stamp.rows, *unread) for part, stamp in contents.stamps.items() if part.table == table.name}
    if in_full:
        found |= _keyed(contents.totals(_totals(table)(f"({contents.rows_sql(table, sorted(in_full))})")))
    return found


def _differences_of(
    table: ServedTable, here: dict[str, tuple[Any, ...]], there: dict[str, tuple[Any, ...]]
) -> list[str]:
    return [
        f"{table.name} of {part}: {_difference(table, here.get(part), there.get(part))}"
        for part in sorted(here.keys() | there.keys())
        if here.get(part) != there.get(part)
    ]


def _totals(table: ServedTable, in_full: frozenset[str] | None = None) -> Callable[[str], str]:
    """Return a query of row counts, value counts and sums by part, in SQL that every target understands.

    Parts that are not in ``in_full`` only get a row count.
    """
    measures = [
        f"cast({measure}({sql_name(column)}) as varchar) as m{number}"
        for number, (column, measure) in enumerate(_measured(table))
    ]
    part = table.part_sql
    grouped = "having count(*) > 0" if table.part_by is None else f"group by {part}"
    counted = f"select {part} as part, count(*) as row_count"
    if in_full is None:
        return lambda source: f"{counted}, {', '.join(measures)} from {source} as t {grouped}"
    others = f"{counted}, {', '.join(f'null as m{number}' for number in range(len(measures)))}"
    listed = ", ".join(map(sql_text, sorted(in_full)))
    if not in_full:
        return lambda source: f"{others} from {source} as t {grouped}"
    return lambda source: (
        f"{counted}, {', '.join(measures)} from {source} as t where {table.of_parts(in_full)} {grouped}"
        f" union all {others} from {source} as t where {part} not in ({listed}) {grouped}"
    )


def _measured(table: ServedTable) -> list[tuple[str, str]]:
    """Return the measures: values per column, sums of exact numbers, and the status of registry rows."""
    counts = [(column.name, "count") for column in table.columns]
    sums = [(column.name, "sum") for column in table.columns if column.sql_type.startswith(_SUMMED)]
    # One row per version, so the minimum is the status itself.
    statuses = [(column.name, "min") for column in table.columns if table.name == REGISTRY and column.name == "status"]
    return counts + sums + statuses


def _keyed(rows: list[Any]) -> list[tuple[str, tuple[Any, ...]]]:
    return [(str(row[0]), tuple(row[1:])) for row in rows]


def _difference(table: ServedTable, here: tuple[Any, ...] | None, there: tuple[Any, ...] | None) -> str:
    if there is None:
        return "missing on the target"
    if here is None:
        return "on the target but no longer published"
    if here[0] != there[0]:
        return f"{here[0]:,} rows in the lake, {there[0]:,} on the target"
    named = [
        f"{measure} of {column} {one} in the lake, {other} on the target"
        for (column, measure), one, other in zip(_measured(table), here[1:], there[1:], strict=True)
        if one != other
    ]
    return "; ".join(named[:_SHOWN])
