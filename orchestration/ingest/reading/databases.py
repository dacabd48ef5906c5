"""SQL databases as locations: attached read-only under the location's name and read by DuckDB's own scanners.

Scanner options that keep values from being altered:

* PostgreSQL is read by its text protocol: the binary one turns a NaN in a numeric column into 0. It costs a tenth more.
  A numeric without a scale arrives as a double, so identifiers of more than 15 digits need a cast in a view.
* MySQL and MariaDB: TINYINT(1) stays a number (many systems keep status codes in it), and a date without a day
  ('0000-00-00', '2024-00-00') is missing, as it is for them.
* SQLite stores any type in any column, so its values are read as text, like those of a CSV file.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import first_line
from orchestration.ingest.reading.readers import describe
from orchestration.lake.warehouse import load_extension
from orchestration.masking import redact
from orchestration.settings.sources import FILE_DATABASES, LocationSettings

_EXTENSIONS = {"postgres": "postgres_scanner", "mysql": "mysql_scanner", "sqlite": "sqlite_scanner"}
_KINDS = {"postgres": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite", "duckdb": "DuckDB"}
_OPTIONS = {
    "postgres": {"pg_use_text_protocol": True},
    "mysql": {"mysql_tinyint1_as_boolean": False, "mysql_incomplete_dates_as_nulls": True},
    "sqlite": {"sqlite_all_varchar": True},
    "duckdb": {},
}
# Quotes of identifiers, for servers that accept a query in their own SQL.
_QUOTES = {"postgres": '"', "mysql": "`"}
_SYSTEM_SCHEMAS = "('information_schema', 'pg_catalog', 'mysql', 'performance_schema', 'sys')"
_SHOWN_TABLES = 30


def attach(connection: duckdb.DuckDBPyConnection, name: str, location: LocationSettings) -> None:
    """Attach a database location under its name; no-op if already attached.

    Raises:
        SourceError: it cannot be reached or read; names the location, never the contents of its connection string.
    """
    assert location.database is not None
    assert location.connection is not None
    if name in _attached(connection):
        return
    target = location.connection.get_secret_value()
    if location.database in FILE_DATABASES and not Path(target).is_file():
        raise SourceError(f"location {name!r}: {target} does not exist. Correct 'locations.{name}.connection'.")
    if extension := _EXTENSIONS.get(location.database):
        load_extension(connection, extension)
    for option, value in _OPTIONS[location.database].items():
        # For this session only: DuckLake reads its catalog with the same scanners, in sessions of its own.
        connection.execute(f"set session {option} = {str(value).lower()}")
    quoted = target.replace("'", "''")
    try:
        connection.execute(f"attach '{quoted}' as {name} (type {location.database}, read_only)")
        tables(connection, name)
    except duckdb.Error as error:
        redact(error)
        raise SourceError(_refusal(name, location, error)) from error


def table_sql(connection: duckdb.DuckDBPyConnection, name: str, table: str) -> str:
    """Return the table of an attached location as a SQL name.

    Raises:
        SourceError: there is no such table; lists the existing ones.
    """
    parts = re.findall(r'"(?:[^"]|"")*"|[^.]+', table)
    quoted = ".".join(part if part.startswith('"') else '"' + part.replace('"', '""') + '"' for part in [name, *parts])
    try:
        connection.execute(f"describe {quoted}")
    except duckdb.CatalogException as error:
        redact(error)
        raise SourceError(
            f"location {name!r} has no table {table!r}. Tables there: {_listed(tables(connection, name))}."
        ) from error
    except duckdb.Error as error:
        redact(error)
        raise SourceError(f"location {name!r}: {table!r} cannot be read: {first_line(error)}") from error
    return quoted


def rows_without(connection: duckdb.DuckDBPyConnection, name: str, table: str, columns: Sequence[str]) -> str | None:
    """Return a query that makes the server find the rows in which all of ``columns`` are null.

    The scanners do not pass "is null" to the server, so they would read the whole table. None if there is no server, or
    if the columns are not plain columns of the table.

    Args:
        connection: the location is attached to it.
        name: the location.
        table: as returned by ``table_sql``.
        columns: names, bare or quoted.
    """
    kind = _attached(connection)[name]
    if kind not in _QUOTES or not columns:
        return None
    quote = _QUOTES[kind]
    types = describe(connection, f"from {table}")
    by_name = {column.lower(): column for column in types}
    bare = [by_name.get(column.strip().strip('"').lower()) for column in columns]
    if None in bare:
        return None
    parts = [part.strip('"') for part in re.findall(r'"(?:[^"]|"")*"', table)[1:]]
    if kind == "postgres" and len(parts) == 1:
        parts = ["public", *parts]
    there = ".".join(f"{quote}{part}{quote}" for part in parts)
    condition = " and ".join(_is_missing(f"{quote}{column}{quote}", types[column], kind) for column in bare if column)
    asked = f"select * from {there} where {condition}".replace("'", "''")
    # Typed as by the scanner, which knows enumerations; a query returns them as text.
    typed = ", ".join(f'cast("{column}" as {type_}) as "{column}"' for column, type_ in types.items())
    return f"select {typed} from {kind}_query('{name}', '{asked}')"


def _is_missing(column: str, type_: str, kind: str) -> str:
    is_date = type_ == "DATE" or type_.startswith("TIMESTAMP")
    # A date without a day or month is missing here, but a value to the server.
    incomplete = f" or dayofmonth({column}) = 0 or month({column}) = 0" if kind == "mysql" and is_date else ""
    return f"({column} is null{incomplete})"


def tables(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Return the tables and views of an attached location, with their schemas."""
    found = connection.execute(
        """
        select schema_name, table_name from duckdb_tables() where database_name = $name and not internal
        union
        select schema_name, view_name from duckdb_views() where database_name = $name and not internal
        order by all
        """,
        {"name": name},
    ).fetchall()
    return [f"{schema}.{table}" for schema, table in found if f"'{schema.lower()}'" not in _SYSTEM_SCHEMAS]


def _attached(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the attached databases, with their kinds."""
    return dict(connection.execute("select database_name, type from duckdb_databases()").fetchall())


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN_TABLES} more" if len(names) > _SHOWN_TABLES else ""
    return (", ".join(names[:_SHOWN_TABLES]) or "none that this login can see") + more


def _refusal(name: str, location: LocationSettings, error: duckdb.Error) -> str:
    """Describe what a user can do about a database that cannot be opened."""
    assert location.database is not None
    # DuckDB puts the connection before the reason.
    reason = first_line(error).rpartition('***": ')[2]
    setting, kind = f"'locations.{name}.connection'", _KINDS[location.database]
    if location.database in {"sqlite", "duckdb"}:
        advice = f"Check that {setting} names a {kind} file, and that no other program is writing to it."
    elif re.search(r"(?i)access denied|authentication|password|role .* does not exist", reason):
        advice = f"Correct user and password in {setting}."
    elif re.search(r"(?i)unknown database|database .* does not exist", reason):
        advice = f"Correct the database's name in {setting}."
    else:
        # MySQL's client retries localhost over the network, which hides that the login was refused.
        login = ", user and password" if location.database == "mysql" else ""
        advice = f"Check host and port{login} in {setting}, that the server runs, and that it lets this machine in."
    return f"location {name!r}: the {kind} database does not open: {reason} {advice}"
