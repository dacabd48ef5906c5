"""What one snapshot of the lake holds for a target, in parts: the rows of one version in one table.

A part carries a stamp that changes when its rows do; a target keeps the stamps of what it holds, so that it can be
brought up from whatever state it is in, and moves nothing else. Rows of persons never change within a version, so
their stamp is the definition of the view, the version and the number of rows; of the small tables the rows themselves
are stamped, for some of them look back at the version before, which a rollback may change.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.errors import ServingError
from orchestration.ingest.mapping.pseudonyms import hashed, use_key
from orchestration.ingest.sql_text import sql_name, sql_text
from orchestration.lake.declarations import Column
from orchestration.lake.warehouse import ALIAS
from orchestration.serving.tables import VERSION, ServedTable

CURRENT = "current"
"""The one part of a table that holds only what is current."""


@dataclass(frozen=True, order=True)
class Part:
    """The rows of one version in one table."""

    table: str
    version_id: str


@dataclass(frozen=True)
class Stamp:
    """What tells whether the rows of a part are still the same."""

    rows: int
    fingerprint: str


@dataclass(frozen=True)
class Moves:
    """What a target has to do: parts to delete (gone, or written anew) and parts to write."""

    delete: tuple[Part, ...]
    write: tuple[Part, ...]

    def of(self, table: str) -> tuple[list[str], list[str]]:
        """Return the versions of a table to delete and to write."""
        return (
            [part.version_id for part in self.delete if part.table == table],
            [part.version_id for part in self.write if part.table == table],
        )


class Contents:
    """What the lake holds for a target: the tables at once, their parts when they are read."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: Sequence[ServedTable], pseudonym_key: bytes | None
    ) -> None:
        self.tables: Mapping[str, ServedTable] = {table.name: table for table in tables}
        self.stamps: Mapping[Part, Stamp] = {}
        self._connection = connection
        self._is_pseudonymous = pseudonym_key is not None
        if pseudonym_key is not None:
            use_key(connection, pseudonym_key)

    def read(self) -> None:
        """Read which parts there are, in the transaction whose snapshot the rows shall be of.

        Raises:
            ServingError: the lake lacks a table or column that this release serves.
        """
        views = self._definitions()
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

    def rows_sql(self, table: ServedTable, versions: Iterable[str] | None = None) -> str:
        """Return a query of the rows that the target gets, of some versions or of all there are."""
        source = f"temp.served_{table.name}" if not table.is_of_persons else self._select(table)
        if versions is None or not table.is_history:
            return f"select * from ({source})" if table.is_of_persons else f"from {source}"
        listed = ", ".join(map(sql_text, versions))
        if not table.is_of_persons:
            return f"select * from {source} where {VERSION} in ({listed})"
        return f"{source} where {VERSION} in ({listed})"

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
        if self._is_pseudonymous and column.personal == "identifier":
            return f"{hashed(column.name)} as {sql_name(column.name)}"
        return sql_name(column.name)

    def _stamps_of(self, table: ServedTable, view: str) -> dict[Part, Stamp]:
        version = VERSION if table.is_history else sql_text(CURRENT)
        try:
            if table.is_of_persons:
                return self._stamps_by_version(table, version, view)
            name = f"served_{table.name}"
            self._connection.execute(f"create or replace temp table {name} as {self._select(table)}")
            found = self._connection.execute(
                f"select {version}, count(*), sum(hash(row_))::varchar from temp.{name} as row_ group by all"
                " having count(*) > 0"
            ).fetchall()
        except duckdb.BinderException as error:
            raise ServingError(
                f"bi.{table.name} of the lake is of another release; 'segmentation run' makes it anew."
            ) from error
        declared = _digest(*(f"{column.name} {column.sql_type}" for column in table.columns))
        return {Part(table.name, of): Stamp(rows, _digest(declared, digest)) for of, rows, digest in found}

    def _stamps_by_version(self, table: ServedTable, version: str, view: str) -> dict[Part, Stamp]:
        """Count the rows of each version; a current table is stamped with the version that it shows."""
        found = self._connection.execute(
            f"select {version}, {VERSION}, count(*) from {ALIAS}.bi.{table.name} group by all"
        ).fetchall()
        key = "" if not self._is_pseudonymous else self._key_mark()
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
