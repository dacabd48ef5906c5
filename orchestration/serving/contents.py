"""What one snapshot of the lake holds for a target, in parts: the rows of one table for one version or day.

Each part has a stamp that changes when its rows do. A target keeps the stamps of what it holds, so it can be updated
from any state, and only what has changed is moved. Rows of persons never change within a version, so their stamp is
made from the view's definition, the version and the row count. Small tables and tables of days are stamped by their
rows: some small tables refer to the previous version, which a rollback may change, and late data change days.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache

import duckdb
import pyarrow as pa

from orchestration.errors import ServingError
from orchestration.ingest.mapping.pseudonyms import hashed, use_key
from orchestration.ingest.sql_text import sql_name
from orchestration.lake.declarations import Column
from orchestration.lake.warehouse import ALIAS
from orchestration.serving.tables import VERSION, ServedTable


@dataclass(frozen=True, order=True)
class Part:
    """The rows of one version, of one day, or of what is current, in one table."""

    table: str
    key: str


@dataclass(frozen=True)
class Stamp:
    """Identifies the rows of a part: equal stamps mean equal rows."""

    rows: int
    fingerprint: str


@dataclass(frozen=True)
class Moves:
    """The parts that a target has to delete (gone, or about to be rewritten) and to write."""

    delete: tuple[Part, ...]
    write: tuple[Part, ...]

    def of(self, table: str) -> tuple[list[str], list[str]]:
        """Return the keys of a table's parts to delete and to write."""
        return (
            [part.key for part in self.delete if part.table == table],
            [part.key for part in self.write if part.table == table],
        )


@dataclass(frozen=True)
class Readings:
    """What has been read from one snapshot, so that targets served one after the other share it.

    Holds stamps by table, the rows of small tables, and the results of queries over whole tables.
    """

    stamps: dict[ServedTable, dict[Part, Stamp]] = field(default_factory=dict)
    rows: dict[ServedTable, pa.Table] = field(default_factory=dict)
    results: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)


@lru_cache(maxsize=1)
def _readings(_snapshot: tuple[object, ...], _pseudonym_key: bytes | None) -> Readings:
    return Readings()


class Contents:
    """What the lake holds for a target: its tables, and their parts after ``read``."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: Sequence[ServedTable], pseudonym_key: bytes | None
    ) -> None:
        self.tables: Mapping[str, ServedTable] = {table.name: table for table in tables}
        self.stamps: Mapping[Part, Stamp] = {}
        self._connection = connection
        self._pseudonym_key = pseudonym_key
        self._readings = Readings()
        if pseudonym_key is not None:
            use_key(connection, pseudonym_key)

    def read(self) -> None:
        """Find the parts, in the same transaction that will read their rows.

        Raises:
            ServingError: the lake lacks a table or column that this release serves.
        """
        views = self._definitions()
        self._readings = _readings(self._snapshot(self._connection), self._pseudonym_key)
        self.stamps = {
            part: stamp
            for table in self.tables.values()
            for part, stamp in self._stamps_of(table, views[table.name]).items()
        }

    def moves(self, held: Mapping[Part, Stamp]) -> Moves:
        """Return the moves that update a target holding parts with these stamps."""
        changed = sorted(part for part, stamp in self.stamps.items() if held.get(part) != stamp)
        gone = held.keys() - self.stamps.keys()
        return Moves(tuple(sorted(gone | (held.keys() & set(changed)))), tuple(changed))

    def rows_sql(self, table: ServedTable, parts: Iterable[str] | None = None) -> str:
        """Return a query of the rows for the target: those of some parts, or all."""
        source = self._select(table) if table.is_large else f"select * from temp.served_{table.name}"
        return source if parts is None else f"{source} where {table.of_parts(parts)}"

    def totals(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query over a whole table in the snapshot that was read."""
        known = self._readings.results
        if sql not in known:
            known[sql] = self._connection.execute(sql).fetchall()
        return known[sql]

    @contextmanager
    def read_ahead(self, query: Callable[[ServedTable], str]) -> Iterator[None]:
        """Run the queries that ``totals`` will need for large tables while the block waits for a server.

        Does nothing if something was published since the snapshot; ``totals`` then runs the queries itself.
        """
        with self._connection.cursor() as beside, ThreadPoolExecutor(max_workers=1) as executor:
            if self._pseudonym_key is not None:
                use_key(beside, self._pseudonym_key)
            beside.execute("begin")
            same = self._snapshot(beside) == self._snapshot(self._connection)
            queries = [query(table) for table in self.tables.values() if same and table.is_large]
            results = executor.submit(lambda: {sql: beside.execute(sql).fetchall() for sql in queries})
            try:
                yield
            except BaseException:
                beside.interrupt()
                raise
            self._readings.results.update(results.result())

    @staticmethod
    def _snapshot(connection: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
        """Return a key of the snapshot that is unique across lakes: a restored lake reuses snapshot numbers."""
        found = connection.execute(
            "select path, snapshot_id, snapshot_time from duckdb_databases(), ducklake_snapshots(?)"
            " where database_name = ? order by snapshot_id desc limit 1",
            [ALIAS, ALIAS],
        ).fetchone()
        assert found
        return tuple(found)

    def _definitions(self) -> dict[str, str]:
        """Return the definitions of the lake's bi views by name."""
        views = dict(
            self._connection.execute(
                "select view_name, sql from duckdb_views() where database_name = ? and schema_name = 'bi'", [ALIAS]
            ).fetchall()
        )
        if missing := self.tables.keys() - views.keys():
            raise ServingError(
                f"The lake has no {', '.join(f'bi.{name}' for name in sorted(missing))} yet; 'segmentation run'"
                " creates what this release serves."
            )
        return views

    def _select(self, table: ServedTable) -> str:
        columns = ", ".join(self._expression(column) for column in table.columns)
        return f"select {columns} from {ALIAS}.bi.{table.name}"

    def _expression(self, column: Column) -> str:
        if self._pseudonym_key is not None and column.personal == "identifier":
            return f"{hashed(column.name)} as {sql_name(column.name)}"
        return sql_name(column.name)

    def _stamps_of(self, table: ServedTable, view: str) -> dict[Part, Stamp]:
        known = self._readings.stamps
        try:
            if not table.is_large:
                self._keep_aside(table)
            if table not in known:
                known[table] = self._read_stamps(table, view)
        except duckdb.BinderException as error:
            raise ServingError(
                f"bi.{table.name} was built by another release; 'segmentation run' rebuilds it."
            ) from error
        return known[table]

    def _keep_aside(self, table: ServedTable) -> None:
        """Copy the rows of a small table into a temporary table, from an earlier reading or from the lake."""
        name, rows = f"temp.served_{table.name}", self._readings.rows
        if table in rows:
            self._connection.register("read_before", rows[table])
            typed = ", ".join(
                f"cast({sql_name(column.name)} as {column.sql_type}) as {sql_name(column.name)}"
                for column in table.columns
            )
            self._connection.execute(f"create or replace temp table {name} as select {typed} from read_before")
            self._connection.unregister("read_before")
        else:
            self._connection.execute(f"create or replace temp table {name} as {self._select(table)}")
            rows[table] = self._connection.execute(f"from {name}").to_arrow_table()

    def _read_stamps(self, table: ServedTable, view: str) -> dict[Part, Stamp]:
        if table.is_of_persons and not table.is_of_days:
            return self._stamps_by_version(table, view)
        found = self._connection.execute(
            f"select {table.part_sql}, count(*), sum(hash(row_))::varchar from ({self.rows_sql(table)}) as row_"
            " group by all having count(*) > 0"
        ).fetchall()
        declared = _digest(*(f"{column.name} {column.sql_type}" for column in table.columns))
        return {Part(table.name, of): Stamp(rows, _digest(declared, digest)) for of, rows, digest in found}

    def _stamps_by_version(self, table: ServedTable, view: str) -> dict[Part, Stamp]:
        """Count the rows of each version; tables of the current state are stamped with the version they show."""
        found = self._connection.execute(
            f"select {table.part_sql}, {VERSION}, count(*) from {ALIAS}.bi.{table.name} group by all"
        ).fetchall()
        key = "" if self._pseudonym_key is None else self._key_mark()
        definition = (view, self._select(table), key)
        return {Part(table.name, part): Stamp(rows, _digest(*definition, of)) for part, of, rows in found}

    def _key_mark(self) -> str:
        """Return a value that changes with the key and does not reveal it."""
        row = self._connection.execute(
            f"select {hashed('text')} from (select 'segmentation: the key of the pseudonyms' as text)"
        ).fetchone()
        assert row
        return str(row[0])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
