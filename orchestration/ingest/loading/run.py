"""Ingestion of every table, parents first, one transaction each: a kill leaves each table in its old or new state."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import duckdb

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.explain import first_line
from orchestration.ingest.loading import plan, references, removal
from orchestration.ingest.loading.load_table import Outcome, carry_out
from orchestration.ingest.loading.read_units import Files, Progress, UnitReader
from orchestration.ingest.loading.records import Load, loads_by_table, recorded_loads
from orchestration.ingest.loading.report import LoadReport
from orchestration.ingest.mapping.currency import NO_RATE, loads_with_new_rates, show_convertible_days
from orchestration.ingest.mapping.map_rows import mapping_hash, uses_filename
from orchestration.ingest.mapping.table_source import locations_of, named_locations
from orchestration.ingest.reading.files import SourceFile, list_files
from orchestration.ingest.reading.opening import open_locations, require_open
from orchestration.lake.contract import Table, load_contract
from orchestration.lake.migrations import ensure_tables
from orchestration.lake.warehouse import Warehouse, transaction
from orchestration.settings import LocationSettings, Settings, SourceSettings


def ingest(
    warehouse: Warehouse,
    settings: Settings,
    *,
    tables: Collection[str] | None = None,
    progress: Progress | None = None,
    again: bool = False,
) -> list[LoadReport]:
    """Read what is new in every source into ``raw`` and return one report per table, parents first.

    Args:
        warehouse: the lake.
        settings: locations and sources.
        tables: only these tables; default all.
        progress: called with a sentence at each step.
        again: read every load with rows in quarantine again, even if nothing has changed; files that are gone cannot
            be read.

    Raises:
        SourceError: a required table is not mapped, or a source cannot be read as configured. Tables finished before
            stay loaded; the one at fault stays as it was.
        SettingsError: ``tables`` or the settings name an unknown table.
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
        # In one transaction, so that DuckLake looks up the snapshot only once.
        with transaction(connection):
            loads, waiting = loads_by_table(connection), _reasons(connection)
        run = _Run(connection, settings, tell, loads, waiting, closed, again)
        orphaned: Counter[str] = Counter()
        reports = []
        for table in chosen:
            report, moved = _ingest_table(run, table)
            reports.append(report)
            orphaned.update(moved)
        reports = _with_stock(connection, reports, orphaned)
    if unmapped := [report.table for report in reports if not report.is_mapped]:
        tell(f"Not mapped, so empty: {', '.join(unmapped)}.")
    return reports


def require_known_tables(
    settings: Settings, contract: Mapping[str, Table], tables: Collection[str] | None = None, *, required: bool = True
) -> None:
    """Refuse tables that the contract does not have and, if ``required``, settings without a table that it requires.

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
                f"sources.{table.name} is missing, but required. Add it with a 'location' or a 'query' "
                f"that gives {needed}."
            )


def set_timezone(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Make times with an offset convert to the operator's local time.

    Raises:
        SettingsError: the time zone is unknown.
    """
    try:
        connection.execute("set timezone = ?", [settings.schedule.timezone])
    except duckdb.Error as error:
        raise SettingsError(f"schedule.timezone: {settings.schedule.timezone!r} is not a known time zone.") from error


@dataclass(frozen=True)
class _Run:
    """Shared by the tables of one run.

    As of its start, ``loads`` are the recorded loads by table, and ``waiting`` counts the rows in quarantine by table
    and reason; ``closed`` are locations that cannot be opened.
    """

    connection: duckdb.DuckDBPyConnection
    settings: Settings
    tell: Progress
    loads: Mapping[str, Sequence[Load]]
    waiting: Mapping[str, Mapping[str, int]]
    closed: Mapping[str, SourceError]
    again: bool


def _ingest_table(run: _Run, table: Table) -> tuple[LoadReport, Mapping[str, int]]:
    """Load a table; return what was done, and how many rows of other tables went to quarantine as a result."""
    started = perf_counter()
    source = run.settings.sources.get(table.name)
    orphaned: Mapping[str, int]
    if source is None:
        loads = [load.load_id for load in run.loads.get(table.name, ())]
        deleted, orphaned = removal.empty(run.connection, table, loads, run.tell)
        report = LoadReport(table.name, is_mapped=False, unmapped_columns=table.column_names, rows_deleted=deleted)
    else:
        with _about(table):
            report, orphaned = _load_source(run, table, source)
    return replace(report, seconds=perf_counter() - started), orphaned


def _load_source(run: _Run, table: Table, source: SourceSettings) -> tuple[LoadReport, Mapping[str, int]]:
    connection, settings = run.connection, run.settings
    # If no row was in quarantine for a reason before, none can return.
    waiting = run.waiting.get(table.name, {})
    loads = run.loads.get(table.name, ())
    if references.REASON in waiting and (returned := references.take_orphans_back(connection, table)):
        run.tell(f"raw.{table.name}: {returned:,} rows leave quarantine, as the row they refer to is back.")
        loads = recorded_loads(connection, table)
    require_open(run.closed, locations_of(source, settings.locations))
    files = _list_source(source, settings, is_begun=bool(loads))
    mapping = mapping_hash(table, source, settings)
    units = _units(source, settings, files, loads)
    due: set[int] = set()
    if run.again or references.REASON in waiting:
        due |= references.loads_due(connection, table, again=run.again)
    if NO_RATE in waiting:
        due |= loads_with_new_rates(connection, table)
    if source.cursor:
        todo = plan.plan_cursor(loads, mapping, due)
    else:
        todo = (plan.plan_append if source.growth == "append" else plan.plan_snapshot)(units, loads, mapping, due)
    report = LoadReport(table.name, files_seen=sum(len(found) for found in files.values()), files_known=todo.known)
    if todo.is_empty:
        return report, {}
    known = [load.source_columns for load in loads if load.mapping_hash == mapping]
    reader = UnitReader(connection, table, source, settings, files, mapping, known[-1] if known else None, run.tell)
    outcome = carry_out(todo, reader, units, loads)
    return _reported(report, outcome, len(units)), outcome.orphaned


def _reported(report: LoadReport, outcome: Outcome, units: int) -> LoadReport:
    """Return the report with what was read; if the new loads were not kept, all their rows count as known."""
    reading, rows = outcome.reading, outcome.reading.total
    report = replace(
        report,
        files_new=len(reading.loads),
        rows_read=rows.read,
        rows_accepted=rows.accepted,
        rows_quarantined=rows.quarantined,
        rows_duplicate=rows.duplicate,
        rows_superseded=rows.superseded,
        rows_deleted=outcome.deleted,
        unmapped_columns=reading.unmapped_columns,
        new_columns=reading.new_columns,
    )
    if outcome.is_kept:
        return report
    return replace(
        report,
        files_known=units,
        files_new=0,
        rows_accepted=0,
        rows_duplicate=rows.read - rows.quarantined,
        rows_superseded=0,
    )


def _locations_read(settings: Settings, tables: Sequence[Table]) -> dict[str, LocationSettings]:
    """Return the known locations that the sources of the tables read."""
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


def _with_stock(
    connection: duckdb.DuckDBPyConnection, reports: Sequence[LoadReport], orphaned: Mapping[str, int]
) -> list[LoadReport]:
    """Add to each report the rows in its table and in quarantine, now that all tables are loaded."""
    # A table that is not mapped has just been emptied.
    counted = [f"select '{each.table}', count(*) from raw.{each.table}" for each in reports if each.is_mapped]
    with transaction(connection):
        rows = dict(connection.execute(" union all ".join(counted)).fetchall()) if counted else {}
        reasons = _reasons(connection)
    return [
        replace(
            each,
            rows_orphaned=orphaned.get(each.table, 0),
            rows_in_table=rows.get(each.table, 0),
            reasons=reasons.get(each.table, {}),
        )
        for each in reports
    ]


def _list_source(source: SourceSettings, settings: Settings, *, is_begun: bool) -> Files:
    """Return the files of each file location that a source reads.

    Raises:
        SourceError: a location has none, and is not an archive that was emptied after loading.
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
    """Name the table that an error is about."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"raw.{table.name}: {error}{_advice(error)}") from error
    except duckdb.Error as error:
        if not _advice(error):
            raise
        raise SourceError(f"raw.{table.name}: {first_line(error)}{_advice(error)}") from error


def _advice(error: Exception) -> str:
    """Return advice for DuckLake's failure on a zero byte that an earlier release let into the lake."""
    if "unterminated quoted string" not in str(error):
        return ""
    return " The lake holds text with a zero byte: 'segmentation clean-text' moves it to quarantine."
