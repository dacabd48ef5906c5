"""Bad data on purpose, counted: what a test may demand of ingestion.

Two extra files per table, both named so that they sort after the table's own files:
`*_late` holds late rows (moved out of an earlier file), restated rows (same key, another value) and exact duplicates;
`*_dirty.csv` holds rows that must not get in. The latter is text in either format, for a typed file cannot hold a word
where a number belongs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.months import Window
from simulator.parameters import SimulationParameters
from simulator.randomness import Draws
from simulator.write import FileFormat, Writer

_SCHEMA = pa.schema(
    [
        ("source_table", pa.string()),
        ("kind", pa.string()),
        ("column_name", pa.string()),
        ("file", pa.string()),
        ("rows", pa.int64()),
        ("expected", pa.string()),
    ]
)


@dataclass(frozen=True)
class _Table:
    """What goes wrong in one table: column and value by kind; `restated` is a column and an SQL expression."""

    key: tuple[str, ...]
    restated: tuple[str, str]
    bad: dict[str, tuple[str, str]]
    is_monthly: bool = True


_UNKNOWN = {"customer_id": "C99999999", "contract_id": "K9999999999"}
TABLES = {
    "customers": _Table(
        key=("customer_id",),
        restated=("do_not_contact", "not do_not_contact::boolean"),
        bad={
            "wrong_type": ("created_date", "yesterday"),
            "blank": ("customer_type", ""),
            "unknown_code": ("customer_type", "robot"),
        },
        is_monthly=False,
    ),
    "contracts": _Table(
        key=("contract_id", "valid_from_date"),
        restated=("sales_channel", "case when sales_channel = 'shop' then 'online' else 'shop' end"),
        bad={
            "unknown_reference": ("customer_id", _UNKNOWN["customer_id"]),
            "wrong_type": ("start_date", "soon"),
            "blank": ("product_code", ""),
            "negative": ("monthly_fee", "-9.90"),
            "unknown_code": ("product_family", "carrier_pigeon"),
        },
        is_monthly=False,
    ),
    "usage": _Table(
        key=("contract_id", "usage_date"),
        restated=("bytes_down", "bytes_down::bigint + 1000000"),
        bad={
            "unknown_reference": ("contract_id", _UNKNOWN["contract_id"]),
            "wrong_type": ("bytes_down", "n/a"),
            "blank": ("bytes_up", ""),
            "negative": ("bytes_down", "-1000"),
        },
    ),
    "invoices": _Table(
        key=("invoice_id",),
        restated=("net_amount", "net_amount::decimal(18, 2) + 1"),
        bad={
            "unknown_reference": ("customer_id", _UNKNOWN["customer_id"]),
            "wrong_type": ("net_amount", "free"),
            "blank": ("due_date", ""),
            "unknown_code": ("kind", "gift"),
        },
    ),
    "payments": _Table(
        key=("payment_id",),
        restated=("amount", "amount::decimal(18, 2) + 1"),
        bad={
            "unknown_reference": ("customer_id", _UNKNOWN["customer_id"]),
            "wrong_type": ("paid_date", "31.31.2025"),
            "blank": ("amount", ""),
            "negative": ("amount", "-10.00"),
            "unknown_code": ("status", "maybe"),
        },
    ),
    "interactions": _Table(
        key=("interaction_id",),
        restated=("channel", "case when channel = 'shop' then 'phone' else 'shop' end"),
        bad={
            "unknown_reference": ("customer_id", _UNKNOWN["customer_id"]),
            "wrong_type": ("occurred_at", "last week"),
            "blank": ("category", ""),
        },
    ),
    "service_quality": _Table(
        key=("contract_id", "date"),
        restated=("median_latency_ms", "median_latency_ms::double + 1"),
        bad={
            "unknown_reference": ("contract_id", _UNKNOWN["contract_id"]),
            "wrong_type": ("outage_minutes", "all day"),
            "blank": ("date", ""),
            "negative": ("outage_minutes", "-5"),
        },
    ),
}


def soil(parameters: SimulationParameters, connection: duckdb.DuckDBPyConnection, source: Writer, truth: Path) -> None:
    """Add the dirty files to a finished source folder and write `dirt.parquet`, one row per table and kind.

    Each kind gets `parameters.dirt` of the rows of the table's last monthly file (of its only file), at least one.
    Rows of different kinds are different rows, and each dirty row is wrong in exactly one way. `expected` says what an
    ingestion should do: accept, count as duplicate, supersede the older row, or quarantine.
    """
    found: list[dict[str, object]] = []
    for name, table in TABLES.items():
        found += _soil_table(parameters, connection, source, name, table)
    pq.write_table(pa.Table.from_pylist(found, _SCHEMA), truth / "dirt.parquet")


def _soil_table(
    parameters: SimulationParameters, connection: duckdb.DuckDBPyConnection, source: Writer, name: str, table: _Table
) -> list[dict[str, object]]:
    window = Window.of(parameters)
    month = window.last if table.is_monthly else None
    original = source.path(name, month)
    earlier = source.path(name, window.last - 1) if table.is_monthly else original
    late_file = source.path(name, month, "_late")
    dirty_file = source.path(name, month, "_dirty").with_suffix(".csv")
    read = reader(source.file_format)
    count = connection.sql(f"select count(*) from {read(original)}").fetchall()[0][0]
    rows = max(1, round(parameters.dirt * count))
    keys = ", ".join(table.key)
    order = f"hash({keys}, {Draws(parameters.seed).key(f'dirt {name}')}::ubigint), {keys}"

    def part(path: Path, turn: int) -> str:
        """The rows of one turn: the keys are shuffled once, turn after turn takes the next `rows` of them."""
        picked = f"select {keys} from {read(path)} order by {order} limit {rows} offset {turn * rows}"
        return f"from {read(path)} semi join ({picked}) using ({keys}) order by {keys}"

    column, expression = table.restated
    late = [
        f"select * {part(earlier, 0)}",
        f"select * replace (({expression}) as {column}) {part(original, 1)}",
        f"select * {part(original, 2)}",
    ]
    _copy(connection, late, late_file, source.file_format)
    dirty = [
        f"select * replace ('{value}' as {bad}) from (select columns(*)::varchar {part(original, turn)})"
        for turn, (bad, value) in enumerate(table.bad.values(), start=3)
    ]
    _copy(connection, dirty, dirty_file, "csv")
    kept = f"select * from {read(earlier)} anti join (select {keys} {part(earlier, 0)}) using ({keys}) order by {keys}"
    rewritten = earlier.with_suffix(".rewritten")
    _copy(connection, [kept], rewritten, source.file_format)
    rewritten.replace(earlier)

    def fact(kind: str, bad: str | None, file: Path, expected: str) -> dict[str, object]:
        return {
            "source_table": name,
            "kind": kind,
            "column_name": bad,
            "file": file.relative_to(source.folder).as_posix(),
            "rows": rows,
            "expected": expected,
        }

    return [
        fact("late", None, late_file, "accepted"),
        fact("restated", column, late_file, "superseded"),
        fact("duplicate", None, late_file, "duplicate"),
        *(fact(kind, bad, dirty_file, "quarantined") for kind, (bad, _) in table.bad.items()),
    ]


def reader(file_format: FileFormat) -> Callable[[Path], str]:
    """Return what names a file in SQL; everything in a text file is text."""
    if file_format == "parquet":
        return lambda path: f"read_parquet('{path}')"
    return lambda path: f"read_csv('{path}', all_varchar = true, header = true)"


def _copy(connection: duckdb.DuckDBPyConnection, queries: list[str], target: Path, file_format: FileFormat) -> None:
    """Write the rows of the queries, one after the other, to a file."""
    query = " union all by name ".join(f"({query})" for query in queries)
    options = "format parquet, compression zstd" if file_format == "parquet" else "format csv, header"
    connection.execute(f"copy ({query}) to '{target}' ({options})")
