"""Ingestion of every table, parents first, one transaction each: a kill leaves a table as it was or as it will be."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import duckdb

from orchestration.lib.contract import LOAD_ID, Table, ensure_tables, load_contract
from orchestration.lib.errors import SettingsError, SourceError
from orchestration.lib.ingest import batch, plan
from orchestration.lib.ingest.currency import loads_with_new_rates, show_convertible_days
from orchestration.lib.ingest.files import SourceFile, list_files, require_unchanged
from orchestration.lib.ingest.mapping import explained, locations_of, map_rows, mapping_hash, uses_filename
from orchestration.lib.settings import Settings, SourceSettings
from orchestration.lib.warehouse import Warehouse, transaction

Progress = Callable[[str], None]
Files = Mapping[str, Sequence[SourceFile]]


@dataclass
class LoadReport:
    """What one run did to one table. ``rows_superseded`` are rows of earlier loads that this run restated."""

    table: str
    is_mapped: bool = True
    files_seen: int = 0
    files_new: int = 0
    files_known: int = 0
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    rows_superseded: int = 0
    rows_in_table: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    unmapped_columns: tuple[str, ...] = ()
    seconds: float = 0.0


def ingest(
    warehouse: Warehouse,
    settings: Settings,
    *,
    tables: Collection[str] | None = None,
    progress: Progress | None = None,
) -> list[LoadReport]:
    """Read what is new in every source into ``raw`` and return a report a table, parents first.

    Args:
        warehouse: the lake.
        settings: locations and sources.
        tables: only these tables; default all.
        progress: called with a sentence at each step.

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
        reports = [_ingest_table(connection, table, settings, tell) for table in chosen]
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
        raise SettingsError(f"sources: {', '.join(sorted(unknown))} is no source table. Tables: {', '.join(contract)}.")
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
    connection: duckdb.DuckDBPyConnection, table: Table, settings: Settings, tell: Progress
) -> LoadReport:
    started = perf_counter()
    source = settings.sources.get(table.name)
    if source is None:
        report = _empty(connection, table)
    else:
        with _about(table):
            report = _load_source(connection, table, source, settings, tell)
    report.rows_in_table = connection.execute(f"select count(*) from raw.{table.name}").fetchall()[0][0]
    report.reasons = dict(
        connection.execute(
            "select reason, count(*) from ops.quarantine where source_table = ? group by all order by all", [table.name]
        ).fetchall()
    )
    report.seconds = perf_counter() - started
    return report


def _load_source(
    connection: duckdb.DuckDBPyConnection, table: Table, source: SourceSettings, settings: Settings, tell: Progress
) -> LoadReport:
    loads = plan.recorded_loads(connection, table)
    is_append = source.growth == "append"
    files: Files = {name: list_files(settings.locations[name]) for name in locations_of(source, settings.locations)}
    for name, found in files.items():
        is_emptied_archive = is_append and name == source.location and loads
        if not found and not is_emptied_archive:
            patterns = ", ".join(settings.locations[name].files)
            raise SourceError(f"location {name!r}: no file matches {patterns}. Correct 'locations.{name}.files'.")

    mapping, by_name = mapping_hash(table, source, settings), uses_filename(source)
    if source.location is None:
        units = [plan.query_unit(files, by_name=by_name)]
    else:
        units = plan.file_units(files[source.location], loads, by_name=by_name)
    decide = plan.plan_append if is_append else plan.plan_snapshot
    due = plan.loads_due(connection, table) | loads_with_new_rates(connection, table)
    todo = decide(units, loads, mapping, due)
    report = LoadReport(table.name, files_seen=sum(len(found) for found in files.values()), files_known=todo.known)
    if todo.is_empty:
        return report

    with transaction(connection):
        work = _Work(connection, table, source, settings, files, mapping, tell)
        work.carry_out(todo, report)
        if is_append and todo.forget and (report.rows_duplicate or report.rows_superseded):
            # The replaced rows meet those of other loads after all, so the order of the loads decides.
            again = plan.everything_again(units, plan.recorded_loads(connection, table), mapping).forget
            work.carry_out(plan.Plan(again, plan.everything_again(units, loads, mapping).read), report)
    return report


@dataclass
class _Work:
    """One table's loads, within the caller's transaction."""

    connection: duckdb.DuckDBPyConnection
    table: Table
    source: SourceSettings
    settings: Settings
    files: Files
    mapping: str
    tell: Progress

    def carry_out(self, todo: plan.Plan, report: LoadReport) -> None:
        """Forget and read as planned; the report's rows are those of this plan alone."""
        report.files_new = len(todo.read)
        report.rows_read = report.rows_accepted = report.rows_quarantined = 0
        report.rows_duplicate = report.rows_superseded = 0
        next_id = self.connection.execute("select coalesce(max(load_id), 0) + 1 from ops.loads").fetchall()[0][0]
        forget(self.connection, self.table, todo.forget)
        for load_id, unit in enumerate(todo.read, next_id):
            counts = self._read(unit, load_id, report)
            report.rows_read += counts.read
            report.rows_accepted += counts.accepted
            report.rows_quarantined += counts.quarantined
            report.rows_duplicate += counts.duplicate
            report.rows_superseded += counts.superseded

    def _read(self, unit: plan.Unit, load_id: int, report: LoadReport) -> batch.BatchCounts:
        table, file = self.table, unit.file
        path = file.path if file else None
        mapped = map_rows(self.connection, table, self.source, self.settings, self.files, file)
        report.unmapped_columns = tuple(name for name in table.column_names if name not in mapped.types)
        with explained(f"sources.{table.name}", path):
            counts = batch.load(self.connection, table, mapped, load_id, path)
        for each in [file] if file else [each for found in self.files.values() for each in found]:
            require_unchanged(each)
        self.connection.execute(
            """
            insert into ops.loads (load_id, source_table, location, file, content_hash, mapping_hash, loaded_at,
                rows_read, rows_accepted, rows_quarantined, rows_duplicate, rows_superseded,
                file_bytes, file_modified_ns, file_changed_ns)
            values (?, ?, ?, ?, ?, ?, cast(now() at time zone 'UTC' as timestamp), ?, ?, ?, ?, 0, ?, ?, ?)
            """,
            [
                load_id, table.name, ", ".join(self.files), path, unit.content_hash, self.mapping,
                counts.read, counts.accepted, counts.quarantined, counts.duplicate,
                file and file.size, file and file.modified_ns, file and file.changed_ns,
            ],
        )  # fmt: skip
        self.tell(
            f"raw.{table.name}: {file.name if file else 'query'}: {counts.read:,} rows read, "
            f"{counts.accepted:,} accepted, {counts.quarantined:,} to quarantine, {counts.duplicate:,} known."
        )
        return counts


def forget(connection: duckdb.DuckDBPyConnection, table: Table, load_ids: Sequence[int]) -> None:
    """Remove loads with their rows and their quarantine."""
    if not load_ids:
        return
    ids = ", ".join(str(load_id) for load_id in load_ids)
    others = connection.execute(
        f"select 1 from ops.loads where source_table = ? and load_id not in ({ids}) limit 1", [table.name]
    ).fetchall()
    # Without a condition whole files are dropped from the catalog; with one every row is looked at.
    condition = f" where {LOAD_ID} in ({ids})" if others else ""
    connection.execute(f"delete from raw.{table.name}{condition}")
    for record in ("loads", "quarantine"):
        connection.execute(f"delete from ops.{record} where load_id in ({ids})")


def _empty(connection: duckdb.DuckDBPyConnection, table: Table) -> LoadReport:
    """Leave a table without a source empty, also one that had a source before."""
    if loads := plan.recorded_loads(connection, table):
        with transaction(connection):
            forget(connection, table, [load.load_id for load in loads])
    return LoadReport(table.name, is_mapped=False, unmapped_columns=table.column_names)


@contextmanager
def _about(table: Table) -> Iterator[None]:
    """Say which table an error is about."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"raw.{table.name}: {error}") from error
