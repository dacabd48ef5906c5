"""Lakes with every table of the schema ``bi``, filled with literal rows, whose versions are published in a moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestration.lake.declarations import Column
from orchestration.lake.warehouse import Warehouse, transaction
from orchestration.serving.tables import CUSTOMERS, REGISTRY, VERSION, ServedTable, served_tables
from orchestration.settings import WarehouseSettings

CURRENT = "customer_segments"
# Text that a server, a file and a client have to carry as it is.
TEXT = "'naïve ''quoted'' \"doubled\"' || chr(10) || 'a; \\N, ' || i"


@dataclass(frozen=True)
class PublishedLake:
    """A lake whose views of ``bi`` show the published versions of tables of literal rows."""

    warehouse: Warehouse
    tables: tuple[str, ...]

    def publish(self, version_id: str, customers: int = 40, seed: int = 1) -> None:
        """Publish a version; what was published for its month is superseded."""
        day = version_id[:10]
        with self.warehouse.writer() as connection, transaction(connection):
            connection.execute(
                f"update segments.rows_{REGISTRY} set status = 'superseded'"
                " where as_of_date = ?::date and status = 'published'",
                [day],
            )
            for table in (served_tables()[name] for name in self.tables if name != CURRENT):
                if not table.is_history:
                    connection.execute(f"delete from segments.rows_{table.name}")
                size = 1 if table.name == REGISTRY else customers if table.is_of_persons else 5
                columns = ", ".join(_value(table, column, version_id, seed) for column in table.columns)
                connection.execute(
                    f"insert into segments.rows_{table.name} select {columns} from range({size}) as r(i)"
                )

    def withdraw(self, version_id: str) -> None:
        """Take a version back, with none in its place."""
        self._set_status(version_id, "withdrawn")

    def restore(self, version_id: str) -> None:
        """Publish a withdrawn version again."""
        self._set_status(version_id, "published")

    def prune(self, version_id: str) -> None:
        """Delete the rows of a version that is withdrawn or superseded, as ``versions prune`` does."""
        with self.warehouse.writer() as connection, transaction(connection):
            for table in (served_tables()[name] for name in self.tables if name not in (CURRENT, REGISTRY)):
                if VERSION in {column.name for column in table.columns}:
                    connection.execute(f"delete from segments.rows_{table.name} where {VERSION} = ?", [version_id])
        self._set_status(version_id, "pruned")

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """Return the rows of a table of ``bi``, in a fixed order."""
        with self.warehouse.reader() as connection:
            return connection.execute(f"select * from bi.{table} order by all").fetchall()

    def _set_status(self, version_id: str, status: str) -> None:
        with self.warehouse.writer() as connection:
            connection.execute(
                f"update segments.rows_{REGISTRY} set status = ? where {VERSION} = ?", [status, version_id]
            )


def open_lake(folder: Path, tables: Iterable[str], threads: int | None = 1) -> PublishedLake:
    """Open a lake that has these tables; a small one is read soonest by one thread."""
    return PublishedLake(Warehouse(WarehouseSettings(path=folder, threads=threads)), tuple(tables))


def make_lake(folder: Path, tables: Iterable[str]) -> PublishedLake:
    """Make a lake of these tables, without a version."""
    lake = open_lake(folder, tables)
    published = f"select {VERSION} from segments.rows_{REGISTRY} where status = 'published'"
    with lake.warehouse.writer() as connection, transaction(connection):
        for name in lake.tables:
            columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in served_tables()[name].columns)
            if name != CURRENT:
                connection.execute(f"create table segments.rows_{name} ({columns})")
        for name in lake.tables:
            source = f"select * from segments.rows_{CUSTOMERS if name == CURRENT else name}"
            if name == CURRENT:
                source += f" where {VERSION} = (select max({VERSION}) from ({published}))"
            elif name != REGISTRY and VERSION in {column.name for column in served_tables()[name].columns}:
                source += f" where {VERSION} in ({published})"
            connection.execute(f"create view bi.{name} as {source}")
    return lake


def _value(table: ServedTable, column: Column, version_id: str, seed: int) -> str:
    """Return a value of the column's type for row ``i``: keys tell rows apart, other columns are null now and then."""
    is_key = column.name in table.grain
    value = _literal(column, version_id, seed)
    if is_key or column.name in {VERSION, "as_of_date", "status"}:
        return value
    return f"case when (i + {len(column.name)}) % 7 <> 0 then {value} end"


def _literal(column: Column, version_id: str, seed: int) -> str:
    fixed = {
        VERSION: f"'{version_id}'",
        "as_of_date": f"date '{version_id[:10]}'",
        "status": "'published'",
        "customer_id": "printf('c%05d', i)",
        "household_id": "printf('h%05d', i)",
    }
    if column.name in fixed:
        return fixed[column.name]
    kind = column.sql_type.partition("(")[0]
    return {
        "varchar": TEXT,
        "integer": f"cast(i + {seed} as integer)",
        "bigint": f"cast(i * 3000000000 + {seed} as bigint)",
        "double": f"i / 3.0 + {seed} / 7.0",
        "decimal": f"cast((i - 7) * {seed} * 1234567.89 + 0.01 as {column.sql_type})",
        "boolean": "i % 2 = 0",
        # A year of them, for what grows by day: no deployment has as many days as customers.
        "date": "date '2024-02-29' + cast(i % 366 as integer)",
        "timestamp": "timestamp '2025-12-31 23:59:59.123456' + to_days(cast(i as integer))",
    }[kind]
