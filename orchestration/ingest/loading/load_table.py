"""One table's loads as planned, in one transaction: new rows in, replaced ones out, and what follows from both.

New loads are written beside those they replace, which go last: so both can be compared, and where nothing differs
nothing is kept of the new ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from orchestration.ingest.explain import explained
from orchestration.ingest.loading import batch, changes, plan, records, removal, together
from orchestration.ingest.loading.records import Load, NewLoad
from orchestration.ingest.loading.report import LoadReport
from orchestration.ingest.mapping import columns
from orchestration.ingest.mapping.map_rows import map_rows
from orchestration.ingest.mapping.mapped import Mapped
from orchestration.ingest.mapping.table_source import locations_of
from orchestration.ingest.reading.files import SourceFile, require_unchanged
from orchestration.ingest.reading.readers import file_format
from orchestration.lake.contract import LOAD_ID, Table
from orchestration.lake.warehouse import commit_if, transaction
from orchestration.settings import Settings, SourceSettings

Progress = Callable[[str], None]
Files = Mapping[str, Sequence[SourceFile]]


@dataclass
class Loading:
    """One table's loads: ``loads`` on record before, ``units`` of the source there are now."""

    connection: duckdb.DuckDBPyConnection
    table: Table
    source: SourceSettings
    settings: Settings
    files: Files
    mapping: str
    units: Sequence[plan.Unit]
    loads: Sequence[Load]
    tell: Progress
    report: LoadReport
    orphaned: dict[str, int] = field(default_factory=dict)
    _new: dict[int, tuple[NewLoad, batch.BatchCounts]] = field(default_factory=dict)
    _columns: Mapping[str, str] | None = None

    def carry_out(self, todo: plan.Plan) -> None:
        """Do as planned, or leave all as it was if that changes nothing; the report and ``orphaned`` say what it did.

        Raises:
            SourceError: a source cannot be read as the settings say; nothing is kept then.
        """
        known = [load.source_columns for load in self.loads if load.mapping_hash == self.mapping]
        self._columns = known[-1] if known else None
        if not commit_if(self.connection, lambda: self._replace(todo)):
            self._keep(todo.forget)

    def _replace(self, todo: plan.Plan) -> bool:
        """Read what is planned in the place of what it replaces; return whether that makes any difference."""
        if todo.reopen:
            records.take_back_quarantine(self.connection, todo.reopen)
        is_append = self.source.growth == "append"
        first = records.next_load_id(self.connection)
        old = set(todo.forget)
        self._read_all(todo.read, first, old)
        if is_append and old and (self.report.rows_duplicate or self.report.rows_superseded):
            # The replaced rows meet those of other loads after all, so the order of the loads decides.
            recorded = records.recorded_loads(self.connection, self.table)
            old |= set(plan.everything_again(self.units, recorded, self.mapping).forget)
            first = records.next_load_id(self.connection)
            self._read_all(plan.everything_again(self.units, self.loads, self.mapping).read, first, old)
        if not old:
            if self.source.cursor and not todo.reopen and self._is_all_known():
                return False
            records.add_months(
                self.connection, self.table.name, {load_id: counts.months for load_id, (_, counts) in self._new.items()}
            )
            return True
        return self._remove(old, first, may_be_same=not is_append)

    def _remove(self, old: set[int], first: int, *, may_be_same: bool) -> bool:
        """Remove the loads ``old`` in favor of those from ``first`` on, unless these say the same; return whether."""
        before = sorted(load.load_id for load in self.loads if load.load_id in old)
        was = f"{LOAD_ID} in ({_list(before)})"
        last = max(self._new, default=first)
        found = changes.compare(self.connection, self.table, was, f"{LOAD_ID} >= {first}", last)
        if may_be_same and found.is_nothing and changes.is_same_quarantine(self.connection, before, sorted(self._new)):
            return False
        gone = f"{LOAD_ID} < {first}" if self._is_all(old) else f"{LOAD_ID} in ({_list(old)})"
        self.orphaned = removal.remove(self.connection, self.table, old, gone, found, last, self.tell)
        self.report.rows_deleted = found.deleted
        return True

    def _keep(self, load_ids: Sequence[int]) -> None:
        """Keep the loads there are, and note where their rows come from now."""
        report = self.report
        report.files_known, report.files_new = len(self.units), 0
        report.count(
            read=report.rows_read,
            quarantined=report.rows_quarantined,
            duplicate=report.rows_read - report.rows_quarantined,
        )
        by_id = {load.load_id: load for load in self.loads}
        moved = {
            load_id: new
            for load_id, (new, _) in zip(load_ids, self._new.values(), strict=False)
            if not _is_as_recorded(by_id[load_id], new)
        }
        if moved:
            with transaction(self.connection):
                for load_id, new in moved.items():
                    records.restamp(self.connection, load_id, new)
        self.tell(f"raw.{self.table.name}: nothing has changed.")

    def _is_all_known(self) -> bool:
        return all(counts.read == counts.duplicate for _, counts in self._new.values())

    def _is_all(self, old: set[int]) -> bool:
        """Whether ``old`` are all loads on record: a simple condition finds their rows then, and spares files."""
        return all(load.load_id in old for load in self.loads)

    def _read_all(self, units: Sequence[plan.Unit], first: int, old: set[int]) -> None:
        """Read units into new loads from ``first`` on, which do not meet the rows of the loads ``old``."""
        everything = self._is_all(old)
        among = f"stored.{LOAD_ID} >= {first}" if everything else f"stored.{LOAD_ID} not in ({_list(old)})"
        self._new = {}
        among = among if old else "true"
        for run in together.runs(self.connection, self.source, self.settings, units):
            start = first + len(self._new)
            if len(run) == 1 or not self._read_together(run, start, among):
                for load_id, unit in enumerate(run, start):
                    self._new[load_id] = self._read(unit, load_id, among)
        each = [counts for _, counts in self._new.values()]
        self.report.files_new = len(units)
        self.report.count(
            read=sum(counts.read for counts in each),
            accepted=sum(counts.accepted for counts in each),
            quarantined=sum(counts.quarantined for counts in each),
            duplicate=sum(counts.duplicate for counts in each),
            superseded=sum(counts.superseded for counts in each),
        )

    def _read_together(self, run: Sequence[plan.Unit], first: int, among: str) -> bool:
        """Read a run of files in one pass, and return whether that was possible."""
        files = [unit.file for unit in run if unit.file]
        mapped = map_rows(self.connection, self.table, self.source, self.settings, self.files, files)
        if not mapped.is_repeatable:
            return False
        self.report.unmapped_columns = tuple(name for name in self.table.column_names if name not in mapped.types)
        self._compare_columns(mapped, files[0].path, files[0].path)
        with together.explained_by_file(self.connection, self.table, self.source, self.settings, files):
            found = together.load_together(self.connection, self.table, mapped, first, files, among=among)
        if found is None:
            return False
        for file in files:
            require_unchanged(file)
        new = {
            load_id: (self._new_load(unit, mapped, None), counts)
            for load_id, (unit, counts) in enumerate(zip(run, found, strict=True), first)
        }
        records.add_loads(
            self.connection, self.table, {load_id: (load, _rows(counts)) for load_id, (load, counts) in new.items()}
        )
        self._new |= new
        total = {name: sum(_rows(counts)[name] for counts in found) for name in _rows(found[0])}
        self._tell_of(f"{files[0].name} to {files[-1].name}, {len(files)} files", total)
        return True

    def _new_load(self, unit: plan.Unit, mapped: Mapped, cursor_value: str | None) -> NewLoad:
        return NewLoad(
            location=", ".join(locations_of(self.source, self.settings.locations)),
            file=unit.file,
            content_hash=unit.content_hash,
            mapping_hash=self.mapping,
            cursor_value=cursor_value,
            source_columns=mapped.source_columns,
        )

    def _tell_of(self, place: str, rows: Mapping[str, int]) -> None:
        self.tell(
            f"raw.{self.table.name}: {place}: {rows['read']:,} rows read, {rows['accepted']:,} accepted,"
            f" {rows['quarantined']:,} to quarantine, {rows['duplicate']:,} known."
        )

    def _read(self, unit: plan.Unit, load_id: int, among: str) -> tuple[NewLoad, batch.BatchCounts]:
        table, file = self.table, unit.file
        path = file.path if file else None
        mapped = map_rows(
            self.connection, table, self.source, self.settings, self.files, [file] if file else [], since=unit.since
        )
        self.report.unmapped_columns = tuple(name for name in table.column_names if name not in mapped.types)
        place = file.name if file else self.source.table or "query"
        self._compare_columns(mapped, path or place, path)
        with explained(f"sources.{table.name}", path):
            counts = batch.load(
                self.connection,
                table,
                mapped,
                load_id,
                path,
                among=among,
                is_filtered=self.source.where is not None,
                since=unit.since,
            )
        for each in [file] if file else [each for found in self.files.values() for each in found]:
            require_unchanged(each)
        new = self._new_load(unit, mapped, counts.cursor_value)
        records.add_loads(self.connection, table, {load_id: (new, _rows(counts))})
        self._tell_of(place, _rows(counts))
        return new, counts

    def _compare_columns(self, mapped: Mapped, place: str, path: str | None) -> None:
        found, before = mapped.source_columns, self._columns
        if before is not None:
            location = self.source.location
            form = file_format(path, self.settings.locations[location]) if path and location else None
            columns.require_kinds(self.table, self.source, found, before, place, form)
            new = tuple(name for name in columns.new_columns(found, before) if name not in self.report.new_columns)
            if new:
                self.report.new_columns += new
                ignored = [name for name in new if name in mapped.ignored]
                unused = f"; not used: {', '.join(ignored)}" if ignored else ""
                self.tell(f"raw.{self.table.name}: {place}: new columns {', '.join(new)}{unused}.")


def _rows(counts: batch.BatchCounts) -> dict[str, int]:
    return {
        "read": counts.read,
        "accepted": counts.accepted,
        "quarantined": counts.quarantined,
        "duplicate": counts.duplicate,
    }


def _is_as_recorded(load: Load, new: NewLoad) -> bool:
    return (load.source_file, load.content_hash, load.mapping_hash, load.cursor_value, load.source_columns) == (
        new.file, new.content_hash, new.mapping_hash, new.cursor_value, new.source_columns,
    )  # fmt: skip


def _list(load_ids: Sequence[int] | set[int]) -> str:
    return ", ".join(map(str, sorted(load_ids)))
