"""The settings' expressions bound to the contract: which source column or SQL fills which contract column."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import explained, first_line
from orchestration.ingest.mapping import cursors
from orchestration.ingest.mapping.binding import Binder, require_columns
from orchestration.ingest.mapping.completeness import SourceText, source_text
from orchestration.ingest.mapping.conventions import conventions_of
from orchestration.ingest.mapping.mapped import Mapped
from orchestration.ingest.mapping.mapping_guard import require_mapping_sql
from orchestration.ingest.mapping.pseudonyms import key_mark, pseudonymous
from orchestration.ingest.mapping.table_source import TableSource, locations_of
from orchestration.ingest.reading import databases
from orchestration.ingest.reading.files import SourceFile
from orchestration.ingest.reading.object_store import is_remote, know_store
from orchestration.ingest.reading.readers import ROW, describe, file_format, is_parquet, numbered, rows_sql
from orchestration.lake.contract import Table
from orchestration.masking import redact
from orchestration.settings import LocationSettings, Settings, SourceSettings

# Increased when the same file and settings would give other rows.
_INGEST_VERSION = 4
_NOT_OF_THE_SOURCE = {ROW, cursors.CURSOR, "filename"}


def mapping_hash(table: Table, source: SourceSettings, settings: Settings) -> str:
    """Return the SHA-256 of everything except the files that determines the rows of a table."""
    names = locations_of(source, settings.locations)
    meaning = {
        "version": _INGEST_VERSION,
        "table": table.model_dump(mode="json", exclude={"description": True, "columns": {"__all__": {"description"}}}),
        "source": source.model_dump(mode="json", exclude={"growth"}),
        "locations": {
            name: settings.locations[name].model_dump(mode="json", exclude={"files"}) for name in names
        },
        "timezone": settings.schedule.timezone,
        "pseudonyms": settings.pseudonyms and key_mark(settings.pseudonyms),
        "currency": table.currency and [settings.currency, settings.exchange_rates.max_age_days],
    }  # fmt: skip
    return sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def map_rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    source: SourceSettings,
    settings: Settings,
    files: Mapping[str, Sequence[SourceFile]],
    read: Sequence[SourceFile],
    *,
    since: str | None = None,
) -> Mapped:
    """Bind a source to the contract.

    Args:
        connection: file locations become temporary views in it, and databases are attached to it.
        table: the table to fill.
        source: how the settings fill it.
        settings: the locations.
        files: the files of each file location that the source reads.
        read: the files of the source's location to read; none for a database, or for a query over everything. Several
            must be Parquet with the same columns, and ``_row`` then distinguishes them.
        since: the largest cursor value read so far, as text; None reads everything.

    Raises:
        SourceError: names the table, the column and the expression that does not fit, and what is available instead; or
            the location that cannot be opened.
    """
    names = locations_of(source, settings.locations)
    try:
        require_mapping_sql(table, source, {name: settings.locations[name] for name in names})
        mapped = _map_source(TableSource(connection, table, source, settings, files, read, since))
    except SourceError as error:
        if source.preset is None:
            raise
        raise SourceError(
            f"{error} This is the SQL of preset {source.preset}: see 'presets.{source.preset}' for its parameters, or "
            f"write sources.{table.name} yourself."
        ) from error
    mapped = replace(mapped, conventions=conventions_of(connection, settings.locations, names))
    return pseudonymous(connection, table, mapped, settings.pseudonyms) if settings.pseudonyms else mapped


def _map_source(of: TableSource) -> Mapped:
    connection, source, settings = of.connection, of.source, of.settings
    names = locations_of(source, settings.locations)
    for name in names:
        location = settings.locations[name]
        if location.database:
            databases.attach(connection, name, location)
        elif any(map(is_remote, location.files)):
            know_store(connection, name, location)
    if source.query is not None:
        return _map_query(of, {name: of.files[name] for name in names if not settings.locations[name].database})
    assert source.location is not None
    location = settings.locations[source.location]
    if location.database:
        return _map_table(of)
    if source.table or source.cursor:
        word = "table" if source.table else "cursor"
        raise SourceError(f"{of.name}.{word} goes with a database, and {source.location!r} is files.")
    return _map_files(of, location, of.files[source.location])


def _map_query(of: TableSource, files: Mapping[str, Sequence[SourceFile]]) -> Mapped:
    connection, table, source = of.connection, of.table, of.source
    assert source.query is not None
    texts: list[SourceText] = []
    for name, found in files.items():
        paths = [each.path for each in (of.read if of.read and name == source.location else found)]
        with explained(f"location {name!r}", paths[0]):
            rows = rows_sql(connection, paths, of.settings.locations[name], with_filename=uses_filename(source))
            connection.execute(f"create or replace temp view {name} as {rows}")
            texts += _texts(connection, paths, of.settings.locations[name], is_direct=False)
    query = source.query.strip().rstrip(";")
    try:
        given = describe(connection, query)
    except duckdb.Error as error:
        redact(error)
        excerpt = re.search(r"LINE \d+: .*", str(error))
        where = f" At {excerpt.group()}" if excerpt else ""
        raise SourceError(f"{of.name}.query: {first_line(error)}{where}") from error
    require_columns(table, given, f"{of.name}.query does not give")
    names = {name.lower(): name for name in given}
    return Mapped(
        f"select *, row_number() over () as {ROW} from ({_rows_read(of, query)})",
        {name: given[names[name]] for name in table.column_names if name in names},
        tuple(name for name in given if name.lower() not in table.column_names),
        is_repeatable=False,
        source_columns=given,
        has_cursor=bool(source.cursor),
        texts=texts,
    )


def _map_table(of: TableSource) -> Mapped:
    connection, source = of.connection, of.source
    assert source.location is not None
    if source.table is None:
        there = ", ".join(databases.tables(connection, source.location))
        raise SourceError(
            f"{of.name}: location {source.location!r} is a database. Name its 'table', or give a 'query'. "
            f"Tables there: {there}."
        )
    if source.growth == "append" and not source.cursor:
        raise SourceError(
            f"{of.name}: 'growth: append' from a database needs a 'cursor', a column or expression that "
            f"only grows. Add it, or read the whole table with 'growth: snapshot'."
        )
    there = databases.table_sql(connection, source.location, source.table)
    rows, unmarked = f"select * from {there}", databases.rows_without(connection, source.location, there, source.cursor)
    place = f"{source.location}.{source.table}"
    with explained(f"{of.name}.{'cursor' if source.cursor else 'table'}", place):
        read = _rows_read(of, rows, unmarked)
        numbered_rows = f"select *, row_number() over () as {ROW} from ({read})"
        found = describe(connection, numbered_rows)
    return _bound(of, numbered_rows, found, place)


def _map_files(of: TableSource, location: LocationSettings, all_files: Sequence[SourceFile]) -> Mapped:
    connection, source, read = of.connection, of.source, of.read
    first = read[0].path
    with explained(of.table.name, first):
        rows = numbered(connection, [file.path for file in read], location, with_filename=uses_filename(source))
        found = describe(connection, rows)
        if found.keys() - _NOT_OF_THE_SOURCE == {"json"} and not connection.execute(f"{rows} limit 1").fetchall():
            return replace(_no_rows(of.table), texts=_texts(connection, [first], location, is_direct=True))
        texts = _texts(connection, [file.path for file in read], location, is_direct=source.where is None)
    mapped = _bound(
        of,
        f"select * from ({rows}){of.where}",
        found,
        first,
        elsewhere=lambda: rows_sql(connection, [each.path for each in all_files], location),
        is_repeatable=is_parquet(first, location) and not _is_volatile(connection, source),
    )
    return replace(mapped, texts=texts)


def _texts(
    connection: duckdb.DuckDBPyConnection, paths: Sequence[str], location: LocationSettings, *, is_direct: bool
) -> list[SourceText]:
    found = (
        source_text(connection, path, location, file_format(path, location), is_direct=is_direct) for path in paths
    )
    return [text for text in found if text]


def _no_rows(table: Table) -> Mapped:
    """Return the rows of a JSON file without records: a day without events is not an error."""
    columns = ", ".join(f'cast(null as {column.data_type}) as "{column.name}"' for column in table.columns)
    types = {column.name: column.data_type for column in table.columns}
    return Mapped(f"select {columns}, 0::bigint as {ROW} where false", types, (), is_repeatable=True)


def _rows_read(of: TableSource, rows: str, unmarked: str | None = None) -> str:
    """Return the rows of a table or query that pass ``where`` and the cursor, with ``_cursor`` if there is one."""
    chosen = f"select * from (\n{rows}\n){of.where}"
    if not of.source.cursor:
        return chosen
    unmarked = unmarked and f"select * from ({unmarked}){of.where}"
    return cursors.since(of.connection, of.table.name, of.source, chosen, of.since, unmarked)


def _bound(
    of: TableSource,
    rows: str,
    found: Mapping[str, str],
    place: str,
    *,
    elsewhere: Callable[[], str] | None = None,
    is_repeatable: bool = False,
) -> Mapped:
    """Bind the expressions of ``columns``, and columns named as in the contract, to rows with the columns ``found``."""
    connection, table, source = of.connection, of.table, of.source
    if unknown := source.columns.keys() - set(table.column_names):
        raise SourceError(
            f"{of.name}.columns: {', '.join(sorted(unknown))} is not a column of {table.name}. "
            f"Columns: {', '.join(table.column_names)}."
        )
    by_name = {name.lower(): name for name in found}
    expressions = {
        name: source.columns.get(name) or f'"{by_name[name]}"'
        for name in table.column_names
        if name in source.columns or name in by_name
    }
    require_columns(table, expressions, f"{place} has no column for", found)
    also = [ROW, *([cursors.CURSOR] if source.cursor else [])]
    try:
        sql = _selected(expressions, also, rows)
        types = describe(connection, sql)
    except duckdb.Error as error:
        redact(error)
        binder = Binder(connection, table, rows, found, place, elsewhere)
        expressions = {name: expression for name, expression in expressions.items() if binder.check(name, expression)}
        sql = _selected(expressions, also, rows)
        with explained(of.name, place):
            types = describe(connection, sql)
    source_columns = {name: kind for name, kind in found.items() if name not in _NOT_OF_THE_SOURCE}
    return Mapped(
        sql,
        {name: kind for name, kind in types.items() if name not in also},
        tuple(name for name in source_columns if not _is_used(name, expressions)),
        is_repeatable,
        source_columns,
        has_cursor=bool(source.cursor),
    )


def _selected(expressions: Mapping[str, str], also: Sequence[str], rows: str) -> str:
    selected = "".join(f'(\n{expression}\n) as "{name}", ' for name, expression in expressions.items())
    return f"select {selected}{', '.join(also)} from ({rows})"


def uses_filename(source: SourceSettings) -> bool:
    """Whether the file name is part of the content of the rows."""
    return bool(re.search(r"\bfilename\b", _all_sql(source)))


def _is_used(column: str, expressions: Mapping[str, str]) -> bool:
    return any(re.search(rf"\b{re.escape(column)}\b", expression, re.IGNORECASE) for expression in expressions.values())


def _is_volatile(connection: duckdb.DuckDBPyConnection, source: SourceSettings) -> bool:
    """Whether the source's SQL calls a function that returns a different value each time."""
    words = set(re.findall(r"\w+", _all_sql(source).lower()))
    if not words:
        return False
    unstable = connection.execute("select function_name from duckdb_functions() where stability <> 'CONSISTENT'")
    return not words.isdisjoint(name for (name,) in unstable.fetchall())


def _all_sql(source: SourceSettings) -> str:
    return " ".join([source.query or "", source.where or "", *source.columns.values()])
