"""The settings' expressions bound to the contract: which source column or SQL fills which contract column."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

import duckdb

from orchestration.lib.contract import Table
from orchestration.lib.errors import SourceError
from orchestration.lib.ingest.files import SourceFile
from orchestration.lib.ingest.readers import ROW, describe, is_parquet, numbered, rows_sql
from orchestration.lib.settings import LocationSettings, Settings, SourceSettings

# Moves when the same file and settings would give other rows.
_INGEST_VERSION = 1


@dataclass(frozen=True)
class Mapped:
    """The rows of a source under the contract's names: a query, the type of each column it gives, and what it leaves.

    ``is_repeatable`` says that running the query again is cheap and gives the same rows.
    """

    sql: str
    types: Mapping[str, str]
    ignored: tuple[str, ...]
    is_repeatable: bool


def mapping_hash(table: Table, source: SourceSettings, settings: Settings) -> str:
    """Return the SHA-256 of everything but the files that decides the rows of a table."""
    names = locations_of(source, settings.locations)
    meaning = {
        "version": _INGEST_VERSION,
        "table": table.model_dump(mode="json", exclude={"description": True, "columns": {"__all__": {"description"}}}),
        "source": source.model_dump(mode="json", exclude={"growth"}),
        "locations": {
            name: settings.locations[name].model_dump(mode="json", exclude={"files"}) for name in names
        },
        "timezone": settings.schedule.timezone,
    }  # fmt: skip
    return sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def locations_of(source: SourceSettings, locations: Mapping[str, LocationSettings]) -> list[str]:
    """Return the locations a source reads: its own, and those its query names.

    Raises:
        SourceError: it reads none that the settings define.
    """
    named = [name for name in locations if re.search(rf"\b{name}\b", source.query or "")]
    named += [source.location] if source.location and source.location not in named else []
    if unknown := [name for name in named if name not in locations]:
        raise SourceError(f"location {unknown[0]!r} is not among 'locations' ({', '.join(locations) or 'none'}).")
    if not named:
        raise SourceError(f"the query names none of the 'locations' ({', '.join(locations) or 'none'}).")
    return named


def map_rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    source: SourceSettings,
    settings: Settings,
    files: Mapping[str, Sequence[SourceFile]],
    file: SourceFile | None,
) -> Mapped:
    """Bind a source to the contract.

    Args:
        connection: where the locations become temporary views.
        table: the table to fill.
        source: how the settings fill it.
        settings: the locations.
        files: the files of each location the source reads.
        file: the one file to read of the source's location; None for a query over everything.

    Raises:
        SourceError: names the table, the column and the expression that does not fit, and what there is instead.
    """
    if source.query is not None:
        return _map_query(connection, table, source, settings, files, file)
    assert source.location is not None
    assert file is not None
    return _map_columns(connection, table, source, settings.locations[source.location], files[source.location], file)


def _map_query(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    source: SourceSettings,
    settings: Settings,
    files: Mapping[str, Sequence[SourceFile]],
    file: SourceFile | None,
) -> Mapped:
    assert source.query is not None
    for name, found in files.items():
        paths = [file.path] if file and name == source.location else [each.path for each in found]
        with explained(f"location {name!r}", paths[0]):
            rows = rows_sql(paths, settings.locations[name], with_filename=uses_filename(source))
            connection.execute(f"create or replace temp view {name} as {rows}")
    query = source.query.strip().rstrip(";")
    try:
        given = describe(connection, query)
    except duckdb.Error as error:
        excerpt = re.search(r"LINE \d+: .*", str(error))
        where = f" At {excerpt.group()}" if excerpt else ""
        raise SourceError(f"sources.{table.name}.query: {first_line(error)}{where}") from error
    require_columns(table, given, f"sources.{table.name}.query does not give")
    names = {name.lower(): name for name in given}
    taken = {name: given[names[name]] for name in table.column_names if name in names}
    where = f" where (\n{source.where}\n)" if source.where else ""
    return Mapped(
        f"select *, row_number() over () as {ROW} from (select * from (\n{query}\n){where})",
        taken,
        tuple(name for name in given if name.lower() not in taken),
        is_repeatable=False,
    )


def _map_columns(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    source: SourceSettings,
    location: LocationSettings,
    all_files: Sequence[SourceFile],
    file: SourceFile,
) -> Mapped:
    if unknown := source.columns.keys() - set(table.column_names):
        raise SourceError(
            f"sources.{table.name}.columns: {', '.join(sorted(unknown))} is no column of {table.name}. "
            f"Columns: {', '.join(table.column_names)}."
        )
    with explained(table.name, file.path):
        rows = numbered(file.path, location, with_filename=uses_filename(source))
        found = describe(connection, rows)
    by_name = {name.lower(): name for name in found}
    expressions = {
        name: source.columns.get(name) or f'"{by_name[name]}"'
        for name in table.column_names
        if name in source.columns or name in by_name
    }
    require_columns(table, expressions, f"{file.path} has no column for", found)
    try:
        sql = _selected(expressions, rows, source)
        types = describe(connection, sql)
    except duckdb.Error:
        bound = _Binder(connection, table, location, rows, found, file, all_files)
        expressions = {name: expression for name, expression in expressions.items() if bound.check(name, expression)}
        sql = _selected(expressions, rows, source)
        with explained(f"sources.{table.name}", file.path):
            types = describe(connection, sql)
    types.pop(ROW)
    return Mapped(
        sql,
        types,
        tuple(name for name in found if name != ROW and not _is_used(name, expressions)),
        is_repeatable=is_parquet(file.path, location) and not _is_volatile(connection, source),
    )


def _selected(expressions: Mapping[str, str], rows: str, source: SourceSettings) -> str:
    selected = "".join(f'(\n{expression}\n) as "{name}", ' for name, expression in expressions.items())
    where = f" where (\n{source.where}\n)" if source.where else ""
    return f"select {selected}{ROW} from (select * from ({rows}){where})"


@dataclass(frozen=True)
class _Binder:
    """Finds the expression that does not fit a file; only asked once something is known to be wrong."""

    connection: duckdb.DuckDBPyConnection
    table: Table
    location: LocationSettings
    rows: str
    found: Mapping[str, str]
    file: SourceFile
    all_files: Sequence[SourceFile]

    def check(self, name: str, expression: str) -> bool:
        """Whether the expression can be read here; an optional column may be absent if other files have it.

        Raises:
            SourceError: names the expression and the columns there are.
        """
        try:
            self._bind(expression, self.rows)
        except duckdb.Error as error:
            if isinstance(error, duckdb.BinderException) and self._is_elsewhere(name, expression):
                return False
            columns = ", ".join(column for column in self.found if column != ROW)
            raise SourceError(
                f"sources.{self.table.name}.columns.{name}: {expression!r} cannot be read from {self.file.path}: "
                f"{first_line(error)} Columns there: {columns}."
            ) from error
        return True

    def _is_elsewhere(self, name: str, expression: str) -> bool:
        if self.table.column(name).is_required:
            return False
        try:
            self._bind(expression, rows_sql([each.path for each in self.all_files], self.location))
        except (duckdb.Error, SourceError):
            return False
        return True

    def _bind(self, expression: str, rows: str) -> None:
        describe(self.connection, f"select (\n{expression}\n) as value from ({rows})")


def require_columns(
    table: Table, given: Mapping[str, str], complaint: str, found: Mapping[str, str] | None = None
) -> None:
    """Refuse a mapping that leaves a required column without a value.

    Raises:
        SourceError: names every such column.
    """
    names = {name.lower() for name in given}
    missing = [
        column.name
        for column in table.columns
        if column.is_required and column.name not in names and column.default is None
    ]
    if missing:
        there = [name for name in (found or given) if name != ROW]
        raise SourceError(
            f"{complaint} {', '.join(missing)}, required by {table.name}. Add to sources.{table.name}"
            f"{'.columns' if found is not None else '.query'}, for example '{missing[0]}: <SQL over the source "
            f"columns>'. Columns there: {', '.join(there)}."
        )


def uses_filename(source: SourceSettings) -> bool:
    """Whether the name of a file is part of what its rows say."""
    return bool(re.search(r"\bfilename\b", _all_sql(source)))


def _is_used(column: str, expressions: Mapping[str, str]) -> bool:
    return any(re.search(rf"\b{re.escape(column)}\b", expression, re.IGNORECASE) for expression in expressions.values())


def _is_volatile(connection: duckdb.DuckDBPyConnection, source: SourceSettings) -> bool:
    """Whether the source's SQL calls a function that gives another value each time."""
    words = set(re.findall(r"\w+", _all_sql(source).lower()))
    if not words:
        return False
    unstable = connection.execute("select function_name from duckdb_functions() where stability <> 'CONSISTENT'")
    return not words.isdisjoint(name for (name,) in unstable.fetchall())


def _all_sql(source: SourceSettings) -> str:
    return " ".join([source.query or "", source.where or "", *source.columns.values()])


@contextmanager
def explained(what: str, path: str | None = None) -> Iterator[None]:
    """Turn DuckDB's errors into one that says which setting and which file they are about.

    Raises:
        SourceError: DuckDB failed.
    """
    try:
        yield
    except duckdb.ConversionException as error:
        hint = "Use try_cast in the expression, so that a bad value costs its row and not the load."
        raise SourceError(f"{what}{_in(path)}: {first_line(error)} {hint}") from error
    except duckdb.Error as error:
        raise SourceError(f"{what}{_in(path)}: {first_line(error)}") from error


def _in(path: str | None) -> str:
    return f", {path}" if path else ""


def first_line(error: Exception) -> str:
    """Return what DuckDB says first, without its list of functions and without an excerpt of generated SQL."""
    text = re.split(r"\s*Candidate functions:|\n\nLINE", str(error), maxsplit=1)[0]
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
