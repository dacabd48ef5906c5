"""Reading units of a table's source into new loads: in one pass if possible, else one by one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from orchestration.ingest.explain import explained
from orchestration.ingest.loading import batch, together
from orchestration.ingest.loading.plan import Unit
from orchestration.ingest.loading.records import NewLoad, add_loads
from orchestration.ingest.mapping import columns
from orchestration.ingest.mapping.map_rows import map_rows
from orchestration.ingest.mapping.mapped import Mapped
from orchestration.ingest.mapping.table_source import locations_of
from orchestration.ingest.reading.files import SourceFile, require_unchanged
from orchestration.ingest.reading.readers import file_format
from orchestration.lake.contract import Table
from orchestration.settings import Settings, SourceSettings

Progress = Callable[[str], None]
Files = Mapping[str, Sequence[SourceFile]]
_ON_RECORD = ("read", "accepted", "quarantined", "duplicate")


@dataclass(frozen=True)
class Reading:
    """New loads by id, where their rows went, and findings about the source's columns."""

    loads: Mapping[int, NewLoad] = field(default_factory=dict)
    counts: Mapping[int, batch.BatchCounts] = field(default_factory=dict)
    unmapped_columns: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()

    @property
    def total(self) -> batch.BatchCounts:
        """Where the rows of all loads together went; months and cursors are left out."""
        names = (*_ON_RECORD, "superseded")
        return batch.BatchCounts(
            **{name: sum(getattr(counts, name) for counts in self.counts.values()) for name in names}
        )

    @property
    def is_all_known(self) -> bool:
        """Whether every row was known before."""
        return all(counts.read == counts.duplicate for counts in self.counts.values())

    @classmethod
    def joined(cls, parts: Sequence["Reading"]) -> "Reading":
        """Combine several readings; unmapped columns are those of the last one."""
        return cls(
            {load_id: load for part in parts for load_id, load in part.loads.items()},
            {load_id: counts for part in parts for load_id, counts in part.counts.items()},
            parts[-1].unmapped_columns if parts else (),
            tuple(name for part in parts for name in part.new_columns),
        )


@dataclass(frozen=True)
class UnitReader:
    """Reads units of a table's source; ``mapping`` is its hash, ``known`` the columns at the last load."""

    connection: duckdb.DuckDBPyConnection
    table: Table
    source: SourceSettings
    settings: Settings
    files: Files
    mapping: str
    known: Mapping[str, str] | None
    tell: Progress

    def read(self, units: Sequence[Unit], first: int, among: str) -> Reading:
        """Read units into new loads from ``first`` on; they may match stored rows that meet the condition ``among``.

        Raises:
            SourceError: the source cannot be read as configured.
        """
        parts: list[Reading] = []
        told: list[str] = []

        def keep(part: Reading) -> None:
            parts.append(part)
            told.extend(part.new_columns)

        for run in together.runs(self.connection, self.source, self.settings, units):
            whole = self._read_together(run, first, among, told) if len(run) > 1 else None
            if whole is not None:
                keep(whole)
            else:
                for load_id, unit in enumerate(run, first):
                    keep(self._read_one(unit, load_id, among, told))
            first += len(run)
        return Reading.joined(parts)

    def _read_together(self, run: Sequence[Unit], first: int, among: str, told: Sequence[str]) -> Reading | None:
        """Read a run of files in one pass; None if that is not possible."""
        files = [unit.file for unit in run if unit.file]
        mapped = map_rows(self.connection, self.table, self.source, self.settings, self.files, files)
        if not mapped.is_repeatable:
            return None
        new_columns = self._new_columns(mapped, files[0].path, files[0].path, told)
        with together.explained_by_file(self.connection, self.table, self.source, self.settings, files):
            found = together.load_together(self.connection, self.table, mapped, first, files, among=among)
        if found is None:
            return None
        for file in files:
            require_unchanged(file)
        new = {load_id: self._new_load(unit, mapped, None) for load_id, unit in enumerate(run, first)}
        place = f"{files[0].name} to {files[-1].name}, {len(files)} files"
        return self._recorded(place, new, dict(enumerate(found, first)), mapped, new_columns)

    def _read_one(self, unit: Unit, load_id: int, among: str, told: Sequence[str]) -> Reading:
        file = unit.file
        path = file.path if file else None
        read = [file] if file else []
        mapped = map_rows(self.connection, self.table, self.source, self.settings, self.files, read, since=unit.since)
        place = file.name if file else self.source.table or "query"
        new_columns = self._new_columns(mapped, path or place, path, told)
        with explained(f"sources.{self.table.name}", path):
            counts = batch.load(
                self.connection,
                self.table,
                mapped,
                load_id,
                path,
                among=among,
                is_filtered=self.source.where is not None,
                since=unit.since,
            )
        for each in read or [each for found in self.files.values() for each in found]:
            require_unchanged(each)
        new = self._new_load(unit, mapped, counts.cursor_value)
        return self._recorded(place, {load_id: new}, {load_id: counts}, mapped, new_columns)

    def _recorded(
        self,
        place: str,
        loads: Mapping[int, NewLoad],
        counts: Mapping[int, batch.BatchCounts],
        mapped: Mapped,
        new_columns: tuple[str, ...],
    ) -> Reading:
        """Record new loads, and report where their rows went."""
        add_loads(
            self.connection, self.table, {load_id: (load, _rows(counts[load_id])) for load_id, load in loads.items()}
        )
        unmapped = tuple(name for name in self.table.column_names if name not in mapped.types)
        reading = Reading(loads, counts, unmapped, new_columns)
        rows = reading.total
        self.tell(
            f"raw.{self.table.name}: {place}: {rows.read:,} rows read, {rows.accepted:,} accepted,"
            f" {rows.quarantined:,} to quarantine, {rows.duplicate:,} known."
        )
        return reading

    def _new_load(self, unit: Unit, mapped: Mapped, cursor_value: str | None) -> NewLoad:
        return NewLoad(
            location=", ".join(locations_of(self.source, self.settings.locations)),
            file=unit.file,
            content_hash=unit.content_hash,
            mapping_hash=self.mapping,
            cursor_value=cursor_value,
            source_columns=mapped.source_columns,
        )

    def _new_columns(self, mapped: Mapped, place: str, path: str | None, told: Sequence[str]) -> tuple[str, ...]:
        """Return new columns of the source except those in ``told``; refuse columns whose kind has changed."""
        if self.known is None:
            return ()
        location = self.source.location
        form = file_format(path, self.settings.locations[location]) if path and location else None
        columns.require_kinds(self.table, self.source, mapped.source_columns, self.known, place, form)
        new = tuple(name for name in columns.new_columns(mapped.source_columns, self.known) if name not in told)
        if new:
            ignored = [name for name in new if name in mapped.ignored]
            unused = f"; not used: {', '.join(ignored)}" if ignored else ""
            self.tell(f"raw.{self.table.name}: {place}: new columns {', '.join(new)}{unused}.")
        return new


def _rows(counts: batch.BatchCounts) -> dict[str, int]:
    """Return the row counts of one load that are recorded."""
    return {name: getattr(counts, name) for name in _ON_RECORD}
