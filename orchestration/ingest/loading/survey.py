"""What the keys of a load show, found with one group per entity and month instead of per row.

If a date is part of the key, the days of a month are bits of one number: if there are as many rows as bits, no day
occurs twice. References among the key columns are looked up once per group.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.lake.contract import Table

Months = Mapping[date, int]


@dataclass(frozen=True)
class Survey:
    """How many rows there are, whether a key may occur twice, and which days they span.

    Bad rows are included, so a key that seems repeated may turn out not to be. ``months`` counts the rows by month end
    of the table's time column, None if the keys do not show it. ``known`` are the parents in which every reference was
    found.
    """

    rows: int
    is_repeated: bool
    first: date | None
    last: date | None
    months: Months | None
    known: frozenset[str]


def survey(
    connection: duckdb.DuckDBPyConnection, table: Table, relation: str, parents: Mapping[str, str] | None = None
) -> Survey:
    """Survey the keys of typed rows; ``parents`` maps table names to the relations for looking up references."""
    references = {
        column.references.table: f'"{name}" not in (select "{column.references.column}" from '
        f"{(parents or {})[column.references.table]})"
        for name in table.key
        if (column := table.column(name)).references and column.references.table in (parents or {})
    }
    unknown = "".join(f", coalesce(bool_or({condition}), false)" for condition in references.values())
    months = connection.execute(f"""
        select last_day(month), sum(rows), coalesce(bool_or(is_repeated), false), min(first), max(last){unknown}
        from ({_groups(table, relation)}) group by all
    """).fetchall()
    counts = {month: int(rows) for month, rows, *_ in months if month is not None}
    return Survey(
        rows=sum(int(rows) for _, rows, *_ in months),
        is_repeated=any(row[2] for row in months),
        first=min((row[3] for row in months if row[3] is not None), default=None),
        last=max((row[4] for row in months if row[4] is not None), default=None),
        months=counts if table.key_date in {None, table.time_column} else None,
        known=frozenset(
            parent for position, parent in enumerate(references, 5) if not any(row[position] for row in months)
        ),
    )


def _groups(table: Table, relation: str) -> str:
    if table.key_date is None:
        month = f'min(cast("{table.time_column}" as date))'
        groups, is_repeated, first, last = _list(table.key), "count(*) > 1", "null::date", "null::date"
    else:
        day = f'"{table.key_date}"'
        entity = _list(tuple(name for name in table.key if name != table.key_date))
        month = f"date_trunc('month', {day})"
        groups = f"{entity}, {month}"
        is_repeated = f"count(*) > bit_count(bit_or(1::integer << (day({day}) - 1)::integer))"
        first, last = f"min({day})", f"max({day})"
    return f"""
        select {_list(table.key) if table.key_date is None else entity}, {month} as month, count(*) as rows,
            {is_repeated} as is_repeated, {first} as first, {last} as last
        from {relation} group by {groups}
    """


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
