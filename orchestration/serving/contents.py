"""What one snapshot of the lake holds for a target, in parts: the rows of one version, or of one day, in one table.

A part carries a stamp that changes when its rows do; a target keeps the stamps of what it holds, so that it can be
brought up from whatever state it is in, and moves nothing else. Rows of persons never change within a version, so
their stamp is the definition of the view, the version and the number of rows; of the small tables the rows themselves
are stamped, for some of them look back at the version before, which a rollback may change, and so are those of tables
of days, which late data may change.
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
    """What tells whether the rows of a part are still the same."""

    rows: int
    fingerprint: str


@dataclass(frozen=True)
class Moves:
    """What a target has to do: parts to delete (gone, or written again) and parts to write."""

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
    """What was read of one snapshot, which does not change: targets served one after the other read it once.

    Stamps of tables; the rows of small ones; results of queries over whole tables.
    """

    stamps: dict[ServedTable, dict[Part, Stamp]] = field(default_factory=dict)
    rows: dict[ServedTable, pa.Table] = field(default_factory=dict)
    results: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)


@lru_cache(maxsize=1)
def _readings(_snapshot: tuple[object, ...], _pseudonym_key: bytes | None) -> Readings:
    return Readings()


class Contents:
    """What the lake holds for a target: the tables at once, their parts when they are read."""

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
        """Read which parts there are, in the transaction whose snapshot the rows shall be of.

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
        """Return what brings a target that holds parts with these stamps to the state of the lake."""
        changed = sorted(part for part, stamp in self.stamps.items() if held.get(part) != stamp)
        gone = held.keys() - self.stamps.keys()
        return Moves(tuple(sorted(gone | (held.keys() & set(changed)))), tuple(changed))

    def rows_sql(self, table: ServedTable, parts: Iterable[str] | None = None) -> str:
        """Return a query of the rows that the target gets, of some parts or of all there are."""
        source = self._select(table) if table.is_large else f"select * from temp.served_{table.name}"
        return source if parts is None else f"{source} where {table.of_parts(parts)}"

    def totals(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query over all of a table, in the snapshot that was read."""
        known = self._readings.results
        if sql not in known:
            known[sql] = self._connection.execute(sql).fetchall()
        return known[sql]

    @contextmanager
    def read_ahead(self, query: Callable[[ServedTable], str]) -> Iterator[None]:
        """Read what ``totals`` will be asked of large tables, while the block waits for a server.

        Rows that were published since the snapshot are not read: ``totals`` then reads for itself.
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
        """Return what no other snapshot has, of this lake or of another: a restored lake counts on from an old one."""
        found = connection.execute(
            "select path, snapshot_id, snapshot_time from duckdb_databases(), ducklake_snapshots(?)"
            " where database_name = ? order by snapshot_id desc limit 1",
            [ALIAS, ALIAS],
        ).fetchone()
        assert found
        return tuple(found)

    def _definitions(self) -> dict[str, str]:
        """Return the views of the lake by name, as they are defined."""
        views = dict(
            self._connection.execute(
                "select view_name, sql from duckdb_views() where database_name = ? and schema_name = 'bi'", [ALIAS]
            ).fetchall()
        )
        if missing := self.tables.keys() - views.keys():
            raise ServingError(
                f"The lake has no {', '.join(f'bi.{name}' for name in sorted(missing))} yet; 'segmentation run' makes"
                " what this release serves."
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
                f"bi.{table.name} of the lake is of another release; 'segmentation run' rebuilds it."
            ) from error
        return known[table]

    def _keep_aside(self, table: ServedTable) -> None:
        """Put the rows of a small table into a temporary one, from what was read before or from the lake."""
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
        """Count the rows of each version; a current table is stamped with the version that it shows."""
        found = self._connection.execute(
            f"select {table.part_sql}, {VERSION}, count(*) from {ALIAS}.bi.{table.name} group by all"
        ).fetchall()
        key = "" if self._pseudonym_key is None else self._key_mark()
        definition = (view, self._select(table), key)
        return {Part(table.name, part): Stamp(rows, _digest(*definition, of)) for part, of, rows in found}

    def _key_mark(self) -> str:
        """Return what changes when the key does, and says nothing about it."""
        row = self._connection.execute(
            f"select {hashed('text')} from (select 'segmentation: the key of the pseudonyms' as text)"
        ).fetchone()
        assert row
        return str(row[0])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
