"""A look at the sources as the settings map them, before anything is loaded.

Nothing is written: a sample of each table is judged as ingestion would judge it, in memory. Files are sampled from
their beginnings, the first, middle and last of each location; only what must be whole is read whole (a query).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from orchestration.errors import SourceError
from orchestration.ingest.explain import explained
from orchestration.ingest.loading import batch
from orchestration.ingest.loading.run import require_known_tables, set_timezone
from orchestration.ingest.mapping.currency import CONVERTIBLE_DAYS, show_convertible_days
from orchestration.ingest.mapping.map_rows import map_rows, uses_filename
from orchestration.ingest.mapping.table_source import locations_of
from orchestration.ingest.reading.files import SourceFile
from orchestration.ingest.reading.opening import open_locations, require_open
from orchestration.ingest.reading.readers import ROW, file_format, rows_sql
from orchestration.lake.contract import EXCHANGE_RATES, Table, load_contract
from orchestration.lake.warehouse import connect
from orchestration.onboarding.preview.findings import LocationFound, OutputCheck, Rejected, SourcesReport, TableCheck
from orchestration.onboarding.preview.locations import files_read, look_at_locations
from orchestration.onboarding.preview.outputs import (
    check_outputs,
    leave_out_organizations,
    missing_columns,
    missing_tables,
)
from orchestration.onboarding.preview.references import FILE, LINE, look_up
from orchestration.onboarding.preview.rendering import as_json, render
from orchestration.onboarding.preview.suspicions import date_format_doubts, event_file_doubt
from orchestration.onboarding.preview.value_hints import number_and_flag_hints, rate_hints
from orchestration.onboarding.preview.warnings import warn
from orchestration.onboarding.source_heads import head_of
from orchestration.settings import Settings

__all__ = [
    "LocationFound", "OutputCheck", "Rejected", "SourcesReport", "TableCheck", "as_json", "preview_sources", "render"
]  # fmt: skip

_SHOWN_ROWS = 3
_ALL_RATES = 1_000_000
Files = Mapping[str, Sequence[SourceFile]]


def preview_sources(settings: Settings, sample_rows: int = 10_000) -> SourcesReport:
    """Bind every source and judge up to ``sample_rows`` rows of each.

    What is wrong with one table is part of the report and keeps none of the others from being looked at.

    Raises:
        SettingsError: the settings name a table that the contract does not have, or an unknown time zone.
    """
    contract = load_contract()
    require_known_tables(settings, contract, required=False)
    checks = {table.name: TableCheck(table.name, table.is_required) for table in contract.values()}
    read: dict[str, Files] = {}
    with (
        TemporaryDirectory(prefix="segmentation_") as temporary,
        connect() as connection,
    ):
        folder = Path(temporary)
        connection.execute("set temp_directory = ?", [str(folder / "spilled")])
        set_timezone(connection, settings)
        connection.execute("create schema raw")
        for table in contract.values():
            _make_table(connection, table)
        show_convertible_days(connection, settings)
        closed = open_locations(connection, settings.locations, [folder])
        locations, files = look_at_locations(connection, settings, folder, closed)
        for table in contract.values():
            rows = sample_rows if table.name != EXCHANGE_RATES else _ALL_RATES
            try:
                source = settings.sources.get(table.name)
                require_open(closed, locations_of(source, settings.locations) if source else ())
                read[table.name] = _sample(connection, table, settings, rows, files, checks[table.name], folder)
            except SourceError as error:
                checks[table.name].error = str(error)
        look_up(connection, contract, settings, read, checks)
        for table in contract.values():
            _show(connection, table, checks[table.name])
        warn(connection, settings, checks, sample_rows)
        is_of_persons = connection.execute("select bool_and(customer_type = 'person') from raw.customers").fetchall()[
            0
        ][0]
    if is_of_persons:
        leave_out_organizations(list(checks.values()))
    tables = list(checks.values())
    return SourcesReport(locations, tables, check_outputs(tables), missing_tables(tables))


def _make_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f'"{column.name}" {column.data_type}' for column in table.columns)
    connection.execute(f"create table raw.{table.name} ({columns}, {FILE} varchar, {ROW} bigint, {LINE} bigint)")


def _sample(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    settings: Settings,
    sample_rows: int,
    found: Mapping[str, Sequence[SourceFile]],
    check: TableCheck,
    folder: Path,
) -> Files:
    """Judge a sample; its accepted rows go to ``raw.<table>`` of this connection, which is in memory."""
    source = settings.sources.get(table.name)
    if source is None:
        check.missing = missing_columns(table, ())
        return {}
    check.is_mapped = True
    check.max_share, check.action = source.quarantine.max_share, source.quarantine.action
    check.from_locations = locations_of(source, settings.locations)
    files = files_read(settings, check.from_locations, found)
    every_file = [file for each in files.values() for file in each]
    check.files, check.file_bytes = len(every_file), sum(file.size for file in every_file)
    chosen = _first_middle_last(files[source.location]) if source.location in files else [None]
    columns = ", ".join(f'"{name}"' for name in table.column_names)
    mapped_columns: dict[str, str] = {}
    # References come later: they are looked up among all keys, and rates are all here.
    rates = {EXCHANGE_RATES: CONVERTIBLE_DAYS} if table.currency else {}
    for file in chosen:
        head = file
        if file and source.location and not uses_filename(source):
            head = head_of(file, settings.locations[source.location], folder, sample_rows)
        mapped = map_rows(connection, table, source, settings, files, [head] if head else [])
        mapped_columns |= mapped.types
        check.ignored_columns = mapped.ignored
        check.source_columns = {**check.source_columns, **mapped.source_columns}
        limited = f"select * from ({mapped.sql}) limit {-(-sample_rows // len(chosen))}"
        with explained(f"sources.{table.name}", file.path if file else None):
            judged = batch.judge(connection, table, replace(mapped, sql=limited, is_repeatable=False), rates)
            check.sampled += judged
            doubts = date_format_doubts(connection, table, source.location, judged)
            doubts += rate_hints(connection, settings.exchange_rates.max_age_days)
            # Examples would show what is to be pseudonyms.
            if not settings.pseudonyms:
                doubts += number_and_flag_hints(connection, table, source.location)
            # An example would show identifiers that are to be pseudonyms.
            if head and source.location and not settings.pseudonyms:
                raw = f"{rows_sql(connection, [head.path], settings.locations[source.location])} limit {sample_rows}"
                doubts += filter(None, [event_file_doubt(connection, table, source, mapped, raw)])
            # What the first file gives reason to doubt need not be said of the others.
            if not check.warnings:
                check.warnings += doubts
            _read_judgement(connection, check, settings, source.location, file)
            before = _lines_before(settings, source.location, file)
            connection.execute(
                f"insert into raw.{table.name} select {columns}, $place, {ROW}, {ROW} + $before from {batch.GOOD}",
                {"place": _place(check, file), "before": before},
            )
            batch.clear(connection)
    check.accepted = connection.execute(f"select count(*) from raw.{table.name}").fetchall()[0][0]
    check.mapped_columns = mapped_columns
    check.missing = missing_columns(table, tuple(mapped_columns))
    return files


def _first_middle_last(files: Sequence[SourceFile]) -> list[SourceFile | None]:
    """Return up to three files: sources change over time, and so do their mistakes."""
    return [files[position] for position in sorted({0, len(files) // 2, len(files) - 1})]


def _place(check: TableCheck, file: SourceFile | None) -> str:
    return file.name if file else f"the rows of {', '.join(check.from_locations)}"


def _read_judgement(
    connection: duckdb.DuckDBPyConnection,
    check: TableCheck,
    settings: Settings,
    location: str | None,
    file: SourceFile | None,
) -> None:
    # The number of a line that is not a row is negative while it is set aside.
    rows = connection.execute(
        f"""
        select column_name, reason, count(*), arg_min(_value, abs({ROW})), min(abs({ROW})), min({ROW}) < 0
        from {batch.REJECTED} group by column_name, reason order by count(*) desc, column_name, reason
        """
    ).fetchall()
    before = _lines_before(settings, location, file)
    for column, reason, count, example, number, is_line in rows:
        if reason == batch.DUPLICATE:
            check.duplicate += count
            continue
        line = number if is_line else number + before if before is not None else None
        row = None if is_line else number
        check.rejected.append(Rejected(column, reason, count, _place(check, file), row, line, example))


def _lines_before(settings: Settings, location: str | None, file: SourceFile | None) -> int | None:
    """Return how many lines of a CSV file come before its first row; None for what has no lines."""
    if file is None or location is None or file_format(file.path, settings.locations[location]) != "csv":
        return None
    options = settings.locations[location].options
    return int(options.get("skip", 0)) + bool(options.get("header", True))


def _show(connection: duckdb.DuckDBPyConnection, table: Table, check: TableCheck) -> None:
    """Keep the first accepted rows as mapped, and see which columns hold nothing in the whole sample."""
    if not check.accepted:
        return
    names = ", ".join(f'"{name}"' for name in table.column_names)
    # The fullest rows show most.
    filled = " + ".join(f'("{name}" is not null)::integer' for name in table.column_names)
    rows = connection.execute(
        f"select {names} from raw.{table.name} order by {filled} desc, {FILE}, {ROW} limit {_SHOWN_ROWS}"
    )
    check.sample = [dict(zip(table.column_names, row, strict=True)) for row in rows.fetchall()]
    counts = connection.execute(
        "select " + ", ".join(f'count("{name}")' for name in table.column_names) + f" from raw.{table.name}"
    ).fetchall()[0]
    present = dict(zip(table.column_names, counts, strict=True))
    check.mapped_columns = {name: kind if present[name] else "" for name, kind in check.mapped_columns.items()}
