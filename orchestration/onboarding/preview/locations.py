"""What lies in each location: files and their size, tables of a database, and about how many rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import explained
from orchestration.ingest.mapping.table_source import locations_of
from orchestration.ingest.reading import databases
from orchestration.ingest.reading.files import SourceFile, list_files
from orchestration.ingest.reading.opening import require_open
from orchestration.ingest.reading.readers import file_format, is_parquet, rows_sql
from orchestration.onboarding.preview.findings import LocationFound
from orchestration.onboarding.source_heads import head_of
from orchestration.settings import LocationSettings, Settings

_KINDS = {"postgres": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite", "duckdb": "DuckDB"}
_COMPRESSED = (".gz", ".zst")
_SAMPLE_ROWS = 1_000


def look_at_locations(
    connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, closed: Mapping[str, SourceError]
) -> tuple[list[LocationFound], dict[str, list[SourceFile]]]:
    """Return what lies in each location, and the files of those that can be read.

    Args:
        connection: on which the locations were opened.
        settings: the locations, and what reads them.
        folder: for heads of files.
        closed: why a location did not open.
    """
    readers = _readers(settings)
    found, files = [], {}
    for name, location in settings.locations.items():
        each = LocationFound(name, _KINDS.get(location.database or "", "files"), used_by=readers.get(name, ()))
        found.append(each)
        try:
            require_open(closed, [name])
            if location.database:
                each.tables = databases.tables(connection, name)
            else:
                files[name] = list_files(location)
                _look_at_files(connection, name, location, files[name], each, folder)
        except SourceError as error:
            each.error = str(error)
    return found, files


def _readers(settings: Settings) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = {}
    for table, source in settings.sources.items():
        try:
            names = locations_of(source, settings.locations)
        except SourceError:
            continue  # the check of the table says it
        for name in names:
            readers.setdefault(name, []).append(table)
    return readers


def _look_at_files(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    location: LocationSettings,
    files: Sequence[SourceFile],
    found: LocationFound,
    folder: Path,
) -> None:
    found.files, found.bytes = len(files), sum(file.size for file in files)
    if not files:
        found.error = f"no file matches {', '.join(location.files)}."
        return
    found.kind = file_format(files[0].path, location)
    largest = max(files, key=lambda file: file.size)
    with explained(f"location {name!r}", largest.path):
        rows, size = _rows_and_bytes(connection, largest, location, folder)
    if rows is not None and size:
        found.rows = round(rows * found.bytes / size)


def _rows_and_bytes(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, location: LocationSettings, folder: Path
) -> tuple[int | None, int]:
    """Return how many rows lie in how many bytes of a file: Parquet says it, text is judged by its first rows."""
    if is_parquet(file.path, location):
        query = "select coalesce(sum(num_rows), 0) from parquet_file_metadata($path)"
        return connection.execute(query, {"path": file.path}).fetchall()[0][0], file.size
    if file_format(file.path, location) == "excel":
        # It is read as a whole anyway.
        query = f"select count(*) from ({rows_sql(connection, [file.path], location)})"
        return connection.execute(query).fetchall()[0][0], file.size
    # A line is as long as its values with a delimiter after each; the names of JSON fields come on top.
    head = head_of(file, location, folder, _SAMPLE_ROWS)
    rows = f"select * from ({rows_sql(connection, [head.path], location)}) limit {_SAMPLE_ROWS}"
    sampled, written = connection.execute(
        f"select count(*), coalesce(sum(strlen(cast(to_json(sample) as varchar))), 0) from ({rows}) as sample"
        if file_format(file.path, location) == "json"
        else f"select count(*), coalesce(sum(strlen(concat_ws(',', *columns(*))) + 1), 0) from ({rows})"
    ).fetchall()[0]
    if sampled < _SAMPLE_ROWS:
        return sampled, file.size
    if file.path.lower().endswith(_COMPRESSED):
        return None, 0
    return sampled, int(written)


def files_read(
    settings: Settings, names: Sequence[str], files: Mapping[str, Sequence[SourceFile]]
) -> dict[str, Sequence[SourceFile]]:
    """Return the files of the locations a source reads.

    Raises:
        SourceError: a location of files has none.
    """
    chosen = {name: files.get(name, ()) for name in names if not settings.locations[name].database}
    for name, found in chosen.items():
        if not found:
            patterns = ", ".join(settings.locations[name].files)
            raise SourceError(f"location {name!r}: no file matches {patterns}. Correct 'locations.{name}.files'.")
    return chosen
