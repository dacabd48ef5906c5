"""What has to be read: the current files compared with the recorded loads.

The rules:

* A load is identified by its content and its mapping, not by its file name, so nothing is read twice.
* ``snapshot``: the files together are the table. If any file is added, changed, removed, or renamed so that the order
  changes, the whole table is read again. A database gives no such sign, so it is read in every run. Stored rows are
  replaced only if they differ.
* ``append``: a new file adds rows. A changed file, or a changed mapping, replaces the rows of its load. Rows of a file
  that has been removed stay (archives are emptied).
* ``append`` with a cursor: rows are read from the largest cursor so far. A changed mapping reads everything again. Rows
  in quarantine are read again from the cursor of the load before theirs.
* A load with rows in quarantine for an unknown reference is read again as soon as one of the references is known.
* If rows of several loads have matched (duplicates, restatements), one of them is replaced by reading all of them again
  in their original order, because rows that the others dropped in its favor must come back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from orchestration.ingest.loading.records import Load
from orchestration.ingest.reading.files import SourceFile, content_hash


@dataclass(frozen=True)
class Unit:
    """What is read as one load: a file, or (``file`` None) the whole result of a query or table of a database.

    ``content_hash`` is None if only reading shows whether anything has changed. ``since`` is the cursor to continue
    from.
    """

    file: SourceFile | None
    content_hash: str | None
    since: str | None = None


@dataclass(frozen=True)
class Plan:
    """Loads to forget and units to read, in order. ``known`` counts units that need nothing.

    ``reopen`` are loads that stay, and whose rows in quarantine are read again.
    """

    forget: tuple[int, ...] = ()
    read: tuple[Unit, ...] = ()
    known: int = 0
    reopen: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.forget and not self.read


def file_units(files: Sequence[SourceFile], loads: Sequence[Load], *, by_name: bool) -> list[Unit]:
    """Return one unit per file; files with the same content count once unless their names matter (``by_name``)."""
    hashes = {
        load.source_file: load.content_hash for load in loads if load.source_file and load.content_hash and not by_name
    }
    units: dict[str, Unit] = {}
    for file in files:
        content = content_hash(file, hashes)
        if by_name:
            content = sha256(f"{content} {file.name}".encode()).hexdigest()
        units.setdefault(content, Unit(file, content))
    return list(units.values())


def query_unit(files: Mapping[str, Sequence[SourceFile]], *, by_name: bool) -> Unit:
    """Return the single unit of a query over everything."""
    contents = {
        name: [(content_hash(file, {}), file.name if by_name else "") for file in found]
        for name, found in files.items()
    }
    return Unit(None, sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest())


def plan_snapshot(units: Sequence[Unit], loads: Sequence[Load], mapping: str, due: set[int]) -> Plan:
    """Replace the whole table, or leave it unchanged."""
    here = [(unit.content_hash, mapping) for unit in units]
    is_known = all(unit.content_hash for unit in units)
    if is_known and not due and here == [(load.content_hash, load.mapping_hash) for load in loads]:
        return Plan(known=len(units))
    return Plan(tuple(load.load_id for load in loads), tuple(units))


def plan_append(units: Sequence[Unit], loads: Sequence[Load], mapping: str, due: set[int]) -> Plan:
    """Read what is new, and replace what has changed."""
    by_identity = {(load.content_hash, load.mapping_hash): load for load in loads}
    found = {unit: by_identity.get((unit.content_hash, mapping)) for unit in units}
    matched = {unit: load for unit, load in found.items() if load}
    kept = {load.load_id for load in matched.values()}
    paths = {unit.file.path for unit in units if unit.file}
    contents = {unit.content_hash for unit in units}
    replaced = {
        load.load_id
        for load in loads
        if load.load_id not in kept and (load.file in paths or load.content_hash in contents)
    } | {load.load_id for load in matched.values() if load.load_id in due}
    if replaced and any(load.rows_met for load in loads):
        return everything_again(units, loads, mapping)
    read = tuple(unit for unit in units if unit not in matched or matched[unit].load_id in replaced)
    return Plan(tuple(sorted(replaced)), read, len(units) - len(read))


def plan_cursor(loads: Sequence[Load], mapping: str, due: set[int]) -> Plan:
    """Continue from the largest cursor, or from before the loads in ``due`` if there are any."""
    if any(load.mapping_hash != mapping for load in loads):
        return Plan(tuple(load.load_id for load in loads), (Unit(None, None),))
    before = [load for load in loads if not due or load.load_id < min(due)]
    since = before[-1].cursor_value if before else None
    return Plan((), (Unit(None, None, since),), reopen=tuple(sorted(due)))


def everything_again(units: Sequence[Unit], loads: Sequence[Load], mapping: str) -> Plan:
    """Read every file that still exists, in the order in which they were loaded; new ones last."""
    order = {load.content_hash: position for position, load in enumerate(loads)}
    order_by_path = {load.file: position for position, load in enumerate(loads)}

    def position(unit: Unit) -> int:
        path = unit.file.path if unit.file else None
        return order.get(unit.content_hash, order_by_path.get(path, len(loads)))

    paths = {unit.file.path for unit in units if unit.file}
    contents = {unit.content_hash for unit in units}
    forget = [load.load_id for load in loads if load.file in paths or load.content_hash in contents]
    return Plan(tuple(forget), tuple(sorted(units, key=position)))
