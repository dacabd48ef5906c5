"""A look at the sources as the settings map them, before anything is loaded.

Nothing is written: the mapping is bound and a sample of each table is judged as ingestion would judge it, in memory.
References are looked up among all keys of the parent table's source, so a sample finds the rows that would be refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from orchestration.lib.contract import Table, load_contract
from orchestration.lib.errors import SourceError
from orchestration.lib.ingest import batch
from orchestration.lib.ingest.files import SourceFile, list_files
from orchestration.lib.ingest.mapping import explained, locations_of, map_rows
from orchestration.lib.ingest.readers import ROW
from orchestration.lib.ingest.run import require_known_tables, set_timezone
from orchestration.lib.report.provenance_sections import WITHOUT
from orchestration.lib.settings import Settings

_SHOWN_ROWS = 3


@dataclass
class TableCheck:
    """What a source gives for one table, judged on a sample."""

    table: str
    is_required: bool
    is_mapped: bool = False
    files: int = 0
    file_bytes: int = 0
    sampled: int = 0
    accepted: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    unmapped_columns: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    sample: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether a load would work and leave something: a table with nothing but bad rows is a wrong mapping."""
        if self.error or (self.is_required and not self.is_mapped):
            return False
        return not self.sampled or self.accepted > 0


@dataclass
class SourcesReport:
    """The checks of all tables, and what the segments will lack."""

    tables: list[TableCheck]
    unavailable: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether every table can be loaded."""
        return all(check.ok for check in self.tables)


def check_sources(settings: Settings, sample_rows: int = 10_000) -> SourcesReport:
    """Bind every source and judge up to ``sample_rows`` rows of each, parents first.

    What is wrong with one table is part of the report and keeps none of the others from being looked at.

    Raises:
        SettingsError: the settings name a table that the contract does not have, or an unknown time zone.
    """
    contract = load_contract()
    require_known_tables(settings, contract, required=False)
    checks = []
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        set_timezone(connection, settings)
        known_keys: dict[str, str] = {}
        for table in contract.values():
            check = TableCheck(table.name, table.is_required)
            try:
                _check_table(connection, table, settings, sample_rows, known_keys, check)
            except SourceError as error:
                check.error = str(error)
            checks.append(check)
    missing = [check.table for check in checks if not check.is_mapped or not check.accepted]
    return SourcesReport(checks, {table: WITHOUT[table] for table in missing})


def _check_table(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    settings: Settings,
    sample_rows: int,
    known_keys: dict[str, str],
    check: TableCheck,
) -> None:
    source = settings.sources.get(table.name)
    if source is None:
        check.unmapped_columns = table.column_names
        if table.is_required:
            raise SourceError(f"sources.{table.name} is missing, and nothing works without it.")
        return
    check.is_mapped = True
    files: Mapping[str, Sequence[SourceFile]] = {
        name: list_files(settings.locations[name]) for name in locations_of(source, settings.locations)
    }
    every_file = [file for found in files.values() for file in found]
    check.files, check.file_bytes = len(every_file), sum(file.size for file in every_file)
    for name, found in files.items():
        if not found:
            raise SourceError(f"location {name!r}: no file matches {', '.join(settings.locations[name].files)}.")
    chosen = _first_middle_last(files[source.location]) if source.location else [None]
    parents = {name: relation for name, relation in known_keys.items() if name in table.parents}
    for file in chosen:
        mapped = map_rows(connection, table, source, settings, files, file)
        check.unmapped_columns = tuple(name for name in table.column_names if name not in mapped.types)
        check.ignored_columns = mapped.ignored
        limited = f"select * from ({mapped.sql}) limit {-(-sample_rows // len(chosen))}"
        with explained(f"sources.{table.name}", file.path if file else None):
            check.sampled += batch.judge(connection, table, replace(mapped, sql=limited, is_repeatable=False), parents)
            _read_judgement(connection, table, check, file)
            batch.clear(connection)
    if any(table.name in other.parents for other in load_contract().values()):
        with explained(f"sources.{table.name}"):
            known_keys[table.name] = _keep_keys(connection, table, settings, files)


def _first_middle_last(files: Sequence[SourceFile]) -> list[SourceFile | None]:
    """Return up to three files: sources change over time, and so do their mistakes."""
    return [files[position] for position in sorted({0, len(files) // 2, len(files) - 1})]


def _read_judgement(
    connection: duckdb.DuckDBPyConnection, table: Table, check: TableCheck, file: SourceFile | None
) -> None:
    rows = connection.execute(
        f"select column_name, reason, any_value(_value), min(abs({ROW})), count(*) as bad_rows from {batch.REJECTED} "
        f"where reason <> '{batch.DUPLICATE}' group by column_name, reason order by bad_rows desc, column_name, reason"
    ).fetchall()
    names = ("column", "reason", "example", "first_row", "rows")
    where = file.name if file else "the query's result"
    check.rejected += [dict(zip(names, row, strict=True)) | {"file": where} for row in rows]
    check.accepted += connection.execute(f"select count(*) from {batch.GOOD}").fetchall()[0][0]
    shown = connection.execute(f"from {batch.GOOD} order by {ROW} limit {_SHOWN_ROWS}")
    columns = [column[0] for column in shown.description or ()]
    check.sample = check.sample or [
        {name: value for name, value in zip(columns, row, strict=True) if name in table.column_names}
        for row in shown.fetchall()
    ]
    if table.name == "usage":
        _warn_of_swapped_direction(connection, check)


def _warn_of_swapped_direction(connection: duckdb.DuckDBPyConnection, check: TableCheck) -> None:
    down, up = connection.execute(f"select sum(bytes_down), sum(bytes_up) from {batch.GOOD}").fetchall()[0]
    warning = (
        "the base uploads more than it downloads. Direction is the customer's: are bytes_down and bytes_up swapped?"
    )
    if up and up > down and warning not in check.warnings:
        check.warnings.append(warning)


def _keep_keys(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    settings: Settings,
    files: Mapping[str, Sequence[SourceFile]],
) -> str:
    """Keep every identifier of a parent's source, from all its files, for its children's references."""
    source = settings.sources[table.name]
    name, identifier = f"_keys_{table.name}", table.key[0]
    connection.execute(f'create or replace temp table {name} ("{identifier}" varchar)')
    every: list[SourceFile | None] = [*files[source.location]] if source.location else [None]
    for file in every:
        mapped = map_rows(connection, table, source, settings, files, file)
        connection.execute(
            f'insert into {name} select distinct trim(cast("{identifier}" as varchar)) from ({mapped.sql}) '
            f'where "{identifier}" is not null'
        )
    return name


def render(report: SourcesReport) -> RenderableType:
    """Return the report for a terminal."""
    overview = Grid("table", "files", "rows looked at", "accepted", "to quarantine", "", title="Sources")
    details: list[RenderableType] = []
    for check in report.tables:
        rejected = sum(found["rows"] for found in check.rejected)
        verdict = "ok" if check.ok and check.is_mapped else "not mapped" if check.ok else "[red]fails[/red]"
        overview.add_row(
            check.table, str(check.files), f"{check.sampled:,}", f"{check.accepted:,}", f"{rejected:,}", verdict
        )
        details += _details(check)
    lacking = [Text(f"Without {table}: {consequence}.") for table, consequence in report.unavailable.items()]
    return Group(overview, *details, *lacking)


def _details(check: TableCheck) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if check.error:
        lines.append(Text(f"{check.table}: {check.error}", style="red"))
    lines += [Text(f"{check.table}: {warning}", style="yellow") for warning in check.warnings]
    for found in check.rejected:
        column = f"{found['column']}: " if found["column"] else ""
        example = "" if found["example"] is None else f", for example {found['example']!r}"
        lines.append(
            Text(
                f"{check.table}: {column}{found['reason']} in {found['rows']:,} rows, first in row "
                f"{found['first_row']} of {found['file']}{example}.",
                style="yellow",
            )
        )
    if check.is_mapped and check.unmapped_columns:
        lines.append(Text(f"{check.table}: not mapped, so null: {', '.join(check.unmapped_columns)}.", style="dim"))
    if check.ignored_columns:
        lines.append(Text(f"{check.table}: not used: {', '.join(check.ignored_columns)}.", style="dim"))
    for row in check.sample:
        filled = ", ".join(f"{name}={value}" for name, value in row.items() if value is not None)
        lines.append(Text(f"{check.table}: {filled}", style="dim"))
    return lines
