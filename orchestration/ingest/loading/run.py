"""Ingestion of every table, parents first, one transaction each: a kill leaves a table as it was or as it will be."""

from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

import duckdb

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.explain import first_line
from orchestration.ingest.loading import plan, references, removal
from orchestration.ingest.loading.load_table import Files, Loading, Progress
from orchestration.ingest.loading.records import Load, recorded_loads
from orchestration.ingest.loading.report import LoadReport
from orchestration.ingest.mapping.currency import NO_RATE, loads_with_new_rates, show_convertible_days
from orchestration.ingest.mapping.map_rows import mapping_hash, uses_filename
from orchestration.ingest.mapping.table_source import locations_of, named_locations
from orchestration.ingest.reading.files import SourceFile, list_files
from orchestration.ingest.reading.opening import open_locations, require_open
from orchestration.lake.contract import Table, load_contract
from orchestration.lake.migrations import ensure_tables
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import LocationSettings, Settings, SourceSettings


def ingest(
    warehouse: Warehouse,
    settings: Settings,
    *,
    tables: Collection[str] | None = None,
    progress: Progress | None = None,
    again: bool = False,
) -> list[LoadReport]:
    """Read what is new in every source into ``raw`` and return a report a table, parents first.

    Args:
        warehouse: the lake.
        settings: locations and sources.
        tables: only these tables; default all.
        progress: called with a sentence at each step.
        again: read every load with rows in quarantine again, even if nothing has changed; of files that are gone
            nothing can be read.

    Raises:
        SourceError: a required table is not mapped, or a source cannot be read as the settings say. Tables finished
            before it stay as loaded; the one it names stays as it was.
        SettingsError: ``tables`` or the settings name what does not exist.
    """
    contract = load_contract()
    require_known_tables(settings, contract, tables)
    chosen = [table for name, table in contract.items() if tables is None or name in tables]
    tell = progress or (lambda _: None)
    with warehouse.writer() as connection:
        set_timezone(connection, settings)
        ensure_tables(connection)
        show_convertible_days(connection, settings)
        closed = open_locations(connection, _locations_read(settings, chosen), [warehouse.path])
        orphaned: Counter[str] = Counter()
        waiting = _reasons(connection)
        reports = [
            _ingest_table(connection, table, settings, tell, orphaned, waiting.get(table.name, {}), closed, again=again)
            for table in chosen
        ]
        _add_stock(connection, reports)
    if unmapped := [report.table for report in reports if not report.is_mapped]:
        tell(f"Not mapped, so empty: {', '.join(unmapped)}.")
    return reports


def require_known_tables(
    settings: Settings, contract: Mapping[str, Table], tables: Collection[str] | None = None, *, required: bool = True
) -> None:
    """Refuse tables the contract does not have and, if ``required``, settings that lack one it requires.

    Raises:
        SettingsError: a name is not that of a table.
        SourceError: a required table has no source.
    """
    if unknown := (settings.sources.keys() | set(tables or ())) - contract.keys():
        raise SettingsError(
            f"sources: {', '.join(sorted(unknown))} is not a source table. Tables: {', '.join(contract)}."
        )
    for table in contract.values() if required else ():
        if table.is_required and table.name not in settings.sources and (tables is None or table.name in tables):
            needed = ", ".join(column.name for column in table.columns if column.is_required and not column.default)
            raise SourceError(
                f"sources.{table.name} is missing, and nothing works without it. Add it with a 'location' or a 'query' "
                f"that gives {needed}."
            )


def set_timezone(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Let times with an offset become the operator's local time.

    Raises:
        SettingsError: the time zone is not known.
    """
    try:
        connection.execute("set timezone = ?", [settings.schedule.timezone])
    except duckdb.Error as error:
        raise SettingsError(f"schedule.timezone: {settings.schedule.timezone!r} is not a known time zone.") from error


def _ingest_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    settings: Settings,
    tell: Progress,
    orphaned: Counter[str],
    waiting: Container[str],
    closed: Mapping[str, SourceError],
    *,
    again: bool,
) -> LoadReport:
    started = perf_counter()
    source = settings.sources.get(table.name)
    if source is None:
        report = LoadReport(table.name, is_mapped=False, unmapped_columns=table.column_names)
        report.rows_deleted, moved = removal.empty(connection, table, tell)
        orphaned.update(moved)
    else:
        with _about(table):
            report = _load_source(connection, table, source, settings, tell, orphaned, waiting, closed, again=again)
    report.rows_orphaned = orphaned[table.name]
    report.seconds = perf_counter() - started
    return report


def _load_source(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    source: SourceSettings,
    settings: Settings,
    tell: Progress,
    orphaned: Counter[str],
    waiting: Container[str],
    closed: Mapping[str, SourceError],
    *,
    again: bool,
) -> LoadReport:
    # ``waiting`` are the reasons for which rows were in quarantine before: where there are none, none can come back.
    if references.REASON in waiting and (returned := references.take_orphans_back(connection, table)):
        tell(f"raw.{table.name}: {returned:,} rows leave quarantine, as the row they refer to is back.")
    require_open(closed, locations_of(source, settings.locations))
    loads = recorded_loads(connection, table)
    files = _list_source(source, settings, is_begun=bool(loads))
    mapping = mapping_hash(table, source, settings)
    units = _units(source, settings, files, loads)
    due = references.loads_due(connection, table, again=again) if again or references.REASON in waiting else set()
    due |= loads_with_new_rates(connection, table) if NO_RATE in waiting else set()
    if source.cursor:
        todo = plan.plan_cursor(loads, mapping, due)
    else:
        todo = (plan.plan_append if source.growth == "append" else plan.plan_snapshot)(units, loads, mapping, due)
    report = LoadReport(table.name, files_seen=sum(len(found) for found in files.values()), files_known=todo.known)
    if not todo.is_empty:
        loading = Loading(connection, table, source, settings, files, mapping, units, loads, tell, report)
        loading.carry_out(todo)
        orphaned.update(loading.orphaned)
    return report


def _locations_read(settings: Settings, tables: Sequence[Table]) -> dict[str, LocationSettings]:
    """Return the locations that the sources of the tables read, as far as they are known."""
    sources = [settings.sources[table.name] for table in tables if table.name in settings.sources]
    named = {name for source in sources for name in named_locations(source, settings.locations)}
    return {name: location for name, location in settings.locations.items() if name in named}


def _reasons(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Return how many rows of each table are in quarantine, by reason."""
    reasons: dict[str, dict[str, int]] = {}
    for name, reason, rows in connection.execute(
        "select source_table, reason, count(*) from ops.quarantine group by all order by all"
    ).fetchall():
        reasons.setdefault(name, {})[reason] = rows
    return reasons


def _add_stock(connection: duckdb.DuckDBPyConnection, reports: Sequence[LoadReport]) -> None:
    """Tell each report what lies in its table and in quarantine now that all are loaded."""
    counted = " union all ".join(f"select '{each.table}', count(*) from raw.{each.table}" for each in reports)
    rows, reasons = dict(connection.execute(counted).fetchall()), _reasons(connection)
    for report in reports:
        report.rows_in_table, report.reasons = rows[report.table], reasons.get(report.table, {})


def _list_source(source: SourceSettings, settings: Settings, *, is_begun: bool) -> Files:
    """Return the files of each location of files that a source reads.

    Raises:
        SourceError: a location has none, and is not an archive that was emptied after it was loaded.
    """
    files: dict[str, list[SourceFile]] = {}
    for name in locations_of(source, settings.locations):
        location = settings.locations[name]
        if location.database:
            continue
        files[name] = list_files(location)
        is_emptied_archive = source.growth == "append" and name == source.location and is_begun
        if not files[name] and not is_emptied_archive:
            patterns = ", ".join(location.files)
            raise SourceError(f"location {name!r}: no file matches {patterns}. Correct 'locations.{name}.files'.")
    return files


def _units(source: SourceSettings, settings: Settings, files: Files, loads: Sequence[Load]) -> list[plan.Unit]:
    by_name = uses_filename(source)
    if source.location is not None and source.location in files:
        return plan.file_units(files[source.location], loads, by_name=by_name)
    if len(files) < len(locations_of(source, settings.locations)):
        return [plan.Unit(None, None)]
    return [plan.query_unit(files, by_name=by_name)]


@contextmanager
def _about(table: Table) -> Iterator[None]:
    """Say which table an error is about."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"raw.{table.name}: {error}{_advice(error)}") from error
    except duckdb.Error as error:
        if not _advice(error):
            raise
        raise SourceError(f"raw.{table.name}: {first_line(error)}{_advice(error)}") from error


def _advice(error: Exception) -> str:
    """Say what helps where DuckLake stumbles over a zero byte that an earlier release let into the lake."""
    if "unterminated quoted string" not in str(error):
        return ""
    return " The lake holds text with a zero byte: 'segmentation clean-text' moves it to quarantine."
