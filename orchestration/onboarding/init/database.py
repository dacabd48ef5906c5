"""The tables of a SQL database, as relations of one location."""

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import duckdb
from pydantic import SecretStr

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.reading import databases
from orchestration.onboarding.init.discovery import Relation, location_name
from orchestration.settings import LocationSettings

Kind = Literal["postgres", "mysql", "sqlite", "duckdb"]
_MAGIC: tuple[tuple[int, bytes, Kind], ...] = ((0, b"SQLite format 3\0", "sqlite"), (8, b"DUCK", "duckdb"))
_SCHEMES: dict[str, Kind] = {"postgres": "postgres", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
_SAMPLE_ROWS = 3_000


@dataclass(frozen=True)
class Database:
    """How the settings say it: ``connection`` is what is written, ``location`` what is opened."""

    name: str
    location: LocationSettings
    connection: str
    variable: str | None


def database_target(target: str, base: Path) -> Database | None:
    """Read a target as a database; None if it is none.

    Raises:
        SettingsError: it names an environment variable that is not set, or one that holds no connection string.
    """
    path = Path(target)
    if path.is_file():
        with path.open("rb") as stream:
            head = stream.read(32)
        for offset, magic, kind in _MAGIC:
            if head[offset:].startswith(magic):
                location = LocationSettings(database=kind, connection=SecretStr(str(path.resolve())))
                resolved = path.resolve()
                written = resolved.relative_to(base) if resolved.is_relative_to(base) else resolved
                return Database(location_name(path.stem, set()), location, written.as_posix(), None)
        return None
    variable = re.fullmatch(r"\$\{?(\w+)\}?", target)
    if variable and variable.group(1) not in os.environ:
        raise SettingsError(
            f"The environment has no {variable.group(1)}. Set it to the connection string of a database."
        )
    text = os.environ[variable.group(1)] if variable else target
    scheme = re.match(r"(\w+):(?!//)" if "://" not in text else r"(\w+)://", text)
    found = _SCHEMES.get(scheme.group(1)) if scheme else _kind_by_keys(text)
    if found is None:
        if variable:
            raise SettingsError(f"{variable.group(1)} holds no connection string of PostgreSQL or MySQL.")
        return None
    # DuckDB's scanners take a URI as it is, and keys and values without a prefix.
    string = text if scheme is None or "://" in text else text[scheme.end() :].strip()
    if variable and string != text:
        raise SettingsError(
            f"{variable.group(1)} begins with '{scheme.group() if scheme else ''}'. The settings read it as it is, and "
            "they name the kind of database themselves: take that off."
        )
    location = LocationSettings(database=found, connection=SecretStr(string))
    name = location_name(_database_name(string) or found, set())
    return Database(name, location, string, variable.group(1) if variable else f"{name.upper()}_CONNECTION")


def relations_in_database(connection: duckdb.DuckDBPyConnection, database: Database) -> list[Relation]:
    """Return a relation for each table and view.

    Raises:
        SourceError: it cannot be opened, or has no table.
    """
    databases.attach(connection, database.name, database.location)
    tables = databases.tables(connection, database.name)
    if not tables:
        raise SourceError(f"The database has no table that this login can see ({database.location.database}).")
    settings: dict[str, Any] = {
        "database": database.location.database,
        "connection": f"${{{database.variable}}}" if database.variable else database.connection,
    }
    relations = []
    for table in tables:
        named = databases.table_sql(connection, database.name, table)
        plain = table.rsplit(".", 1)[-1]
        relations.append(
            Relation(
                name=plain,
                origin=f"table {table.removeprefix('main.')}",
                rows=f"select * from {named} limit {_SAMPLE_ROWS}",
                whole=partial("select * from {}".format, named),
                location=database.name,
                settings=settings,
                table=table.removeprefix("main."),
            )
        )
    return relations


def _kind_by_keys(text: str) -> Kind | None:
    if re.search(r"\bdbname\s*=", text):
        return "postgres"
    return "mysql" if re.search(r"\b(database|db)\s*=", text) else None


def _database_name(connection: str) -> str | None:
    found = re.search(r"\b(?:dbname|database|db)\s*=\s*(\w+)", connection) or re.search(r"://[^/]+/(\w+)", connection)
    return found.group(1) if found else None
