"""The records of loads, ``ops.loads`` and ``ops.load_months``: reading and writing them."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.ingest.loading.survey import Months
from orchestration.ingest.reading.files import SourceFile
from orchestration.lake.contract import Table


@dataclass(frozen=True)
class Load:
    """A recorded load.

    ``content_hash`` is None for rows of a database. ``rows_met`` counts rows that matched rows of other loads:
    duplicates and restated ones. ``source_columns`` holds the types of the source's columns, None if they were not
    recorded.
    """

    load_id: int
    file: str | None
    content_hash: str | None
    mapping_hash: str
    rows_met: int
    source_file: SourceFile | None
    cursor_value: str | None
    source_columns: Mapping[str, str] | None


@dataclass(frozen=True)
class NewLoad:
    """What is recorded about a load besides its row counts."""

    location: str
    file: SourceFile | None
    content_hash: str | None
    mapping_hash: str
    cursor_value: str | None
    source_columns: Mapping[str, str]

    @property
    def columns(self) -> dict[str, object]:
        """The columns of ``ops.loads`` that describe the origin of the rows."""
        file = self.file
        return {
            "location": self.location,
            "file": file and file.path,
            "content_hash": self.content_hash,
            "mapping_hash": self.mapping_hash,
            "file_bytes": file and file.size,
            "file_modified_ns": file and file.modified_ns,
            "file_changed_ns": file and file.changed_ns,
            "cursor_value": self.cursor_value,
            "source_columns": json.dumps(dict(self.source_columns)),
        }


def recorded_loads(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Load]:
    """Return the loads of a table, in the order they were made."""
    return loads_by_table(connection, table.name).get(table.name, [])


def loads_by_table(connection: duckdb.DuckDBPyConnection, table: str | None = None) -> dict[str, list[Load]]:
    """Return the loads of every table that has any, or of one, in the order they were made."""
    rows = connection.execute(
        """
        select source_table, load_id, file, content_hash, mapping_hash, rows_duplicate + rows_superseded,
            cursor_value, source_columns, file_bytes, file_modified_ns, coalesce(file_changed_ns, 0)
        from ops.loads where source_table = $table or $table is null order by load_id
        """,
        {"table": table},
    ).fetchall()
    loads: dict[str, list[Load]] = {}
    for source_table, load_id, file, content, mapping, met, cursor, columns, *stat in rows:
        load = Load(
            load_id=load_id,
            file=file,
            content_hash=content,
            mapping_hash=mapping,
            rows_met=met,
            source_file=SourceFile(file, *stat) if file else None,
            cursor_value=cursor,
            source_columns=json.loads(columns) if columns else None,
        )
        loads.setdefault(source_table, []).append(load)
    return loads


def next_load_id(connection: duckdb.DuckDBPyConnection) -> int:
    """Return an id that no load and no change of months has ever had."""
    return connection.execute(
        "select coalesce(max(load_id), 0) + 1 from (select load_id from ops.loads"
        " union all select load_id from ops.load_months)"
    ).fetchall()[0][0]


def add_loads(
    connection: duckdb.DuckDBPyConnection, table: Table, loads: Mapping[int, tuple[NewLoad, Mapping[str, int]]]
) -> None:
    """Record loads, each with the counts of its rows: read, accepted, quarantined, duplicate."""
    rows = [
        {"load_id": load_id, "source_table": table.name, "rows_superseded": 0, **load.columns}
        | {f"rows_{name}": count for name, count in counts.items()}
        for load_id, (load, counts) in loads.items()
    ]
    placeholders = f"({', '.join('?' * len(rows[0]))}, cast(now() at time zone 'UTC' as timestamp))"
    connection.execute(
        f"insert into ops.loads ({', '.join(rows[0])}, loaded_at) values {', '.join([placeholders] * len(rows))}",
        [value for row in rows for value in row.values()],
    )


def restamp(connection: duckdb.DuckDBPyConnection, load_id: int, load: NewLoad) -> None:
    """Record the current origin of a load's rows, when other bytes have the same content."""
    columns = load.columns
    connection.execute(
        f"update ops.loads set {', '.join(f'{name} = ?' for name in columns)} where load_id = ?",
        [*columns.values(), load_id],
    )


def remove_loads(connection: duckdb.DuckDBPyConnection, load_ids: Collection[int]) -> None:
    """Remove the records of loads and their quarantine; their months stay, because those did change."""
    ids = ", ".join(map(str, load_ids))
    for record in ("loads", "quarantine"):
        connection.execute(f"delete from ops.{record} where load_id in ({ids})")


def add_months(connection: duckdb.DuckDBPyConnection, table: str, months: Mapping[int, Months]) -> None:
    """Record, by load, how many rows were added, changed or removed in each month."""
    rows = [(load_id, table, month, count) for load_id, each in months.items() for month, count in each.items()]
    if rows:
        placeholders = ", ".join(["(?, ?, ?, ?)"] * len(rows))
        connection.execute(
            f'insert into ops.load_months (load_id, source_table, month_end_date, "rows") values {placeholders}',
            [value for row in rows for value in row],
        )


def take_back_quarantine(connection: duckdb.DuckDBPyConnection, load_ids: Collection[int]) -> None:
    """Empty the quarantine of loads whose rows are about to be read again; the old rows count as duplicates."""
    ids = ", ".join(map(str, load_ids))
    connection.execute(f"delete from ops.quarantine where load_id in ({ids})")
    connection.execute(
        "update ops.loads set rows_duplicate = rows_duplicate + rows_quarantined, rows_quarantined = 0 "
        f"where load_id in ({ids})"
    )
