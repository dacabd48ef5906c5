"""One table's loads as planned, in one transaction: add new rows, remove replaced ones, and handle the consequences.

New loads are written before those they replace are removed, so that both can be compared; if nothing differs, the new
loads are rolled back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.ingest.loading import changes, plan, records, removal
from orchestration.ingest.loading.read_units import Reading, UnitReader
from orchestration.ingest.loading.records import Load, NewLoad
from orchestration.lake.contract import LOAD_ID
from orchestration.lake.warehouse import commit_if, transaction


@dataclass(frozen=True)
class Outcome:
    """The result of a plan: the loads read, whether they were kept (not if they equal the old ones), and consequences.

    ``deleted`` counts rows that the source no longer has, except those that a changed mapping no longer produces.
    ``orphaned`` counts rows of other tables that went to quarantine, by table.
    """

    reading: Reading
    is_kept: bool
    deleted: int = 0
    orphaned: Mapping[str, int] = field(default_factory=dict)


def carry_out(todo: plan.Plan, reader: UnitReader, units: Sequence[plan.Unit], loads: Sequence[Load]) -> Outcome:
    """Carry out the plan, or leave everything unchanged if it makes no difference.

    Args:
        todo: the plan.
        reader: reads the table's source.
        units: all current units of the source.
        loads: all its recorded loads.

    Raises:
        SourceError: a source cannot be read as configured; nothing is kept then.
    """
    done: list[Outcome] = []

    def work() -> bool:
        done.append(_replace(todo, reader, units, loads))
        return done[0].is_kept

    if not commit_if(reader.connection, work):
        _restamp(reader, [load for load in loads if load.load_id in todo.forget], done[0].reading)
    return done[0]


def _replace(todo: plan.Plan, reader: UnitReader, units: Sequence[plan.Unit], loads: Sequence[Load]) -> Outcome:
    """Read what is planned and replace the old loads by it, unless the rows are the same."""
    connection, table = reader.connection, reader.table
    if todo.reopen:
        records.take_back_quarantine(connection, todo.reopen)
    is_append = reader.source.growth == "append"
    old = set(todo.forget)
    first = records.next_load_id(connection)
    reading = reader.read(todo.read, first, _not_of(old, loads, first))
    if is_append and old and (reading.total.duplicate or reading.total.superseded):
        # The new rows match rows of other loads after all, so the order of the loads decides.
        recorded = records.recorded_loads(connection, table)
        old |= set(plan.everything_again(units, recorded, reader.mapping).forget)
        first = records.next_load_id(connection)
        again = plan.everything_again(units, loads, reader.mapping)
        reading = reader.read(again.read, first, _not_of(old, loads, first))
    if old:
        return _remove(old, first, reader, loads, reading, may_be_same=not is_append)
    if reader.source.cursor and not todo.reopen and reading.is_all_known:
        return Outcome(reading, is_kept=False)
    records.add_months(connection, table.name, {load_id: counts.months for load_id, counts in reading.counts.items()})
    return Outcome(reading, is_kept=True)


def _remove(
    old: set[int], first: int, reader: UnitReader, loads: Sequence[Load], reading: Reading, *, may_be_same: bool
) -> Outcome:
    """Replace the loads ``old`` by those from ``first`` on, unless the rows are the same."""
    connection, table = reader.connection, reader.table
    before = sorted(load.load_id for load in loads if load.load_id in old)
    last = max(reading.loads, default=first)
    found = changes.compare(connection, table, f"{LOAD_ID} in ({_list(before)})", f"{LOAD_ID} >= {first}", last)
    if may_be_same and found.is_nothing and changes.is_same_quarantine(connection, before, sorted(reading.loads)):
        return Outcome(reading, is_kept=False)
    gone = f"{LOAD_ID} < {first}" if _is_all(old, loads) else f"{LOAD_ID} in ({_list(old)})"
    is_remapped = any(load.mapping_hash != reader.mapping for load in loads if load.load_id in old)
    why = removal.NO_LONGER_MADE if is_remapped else removal.GONE
    orphaned = removal.remove(connection, table, old, gone, found, last, reader.tell, why)
    return Outcome(reading, is_kept=True, deleted=0 if is_remapped else found.deleted, orphaned=orphaned)


def _restamp(reader: UnitReader, kept: Sequence[Load], reading: Reading) -> None:
    """Record the current origin of the loads that are kept."""
    moved = [
        (load.load_id, new)
        for load, new in zip(kept, reading.loads.values(), strict=False)
        if not _is_as_recorded(load, new)
    ]
    if moved:
        with transaction(reader.connection):
            for load_id, new in moved:
                records.restamp(reader.connection, load_id, new)
    reader.tell(f"raw.{reader.table.name}: nothing has changed.")


def _not_of(old: set[int], loads: Sequence[Load], first: int) -> str:
    """Return the condition on stored rows that new loads from ``first`` on may match: all but those of ``old``."""
    if not old:
        return "true"
    return f"stored.{LOAD_ID} >= {first}" if _is_all(old, loads) else f"stored.{LOAD_ID} not in ({_list(old)})"


def _is_all(old: set[int], loads: Sequence[Load]) -> bool:
    """Whether ``old`` are all recorded loads: their rows can then be found by a simpler condition that skips files."""
    return all(load.load_id in old for load in loads)


def _is_as_recorded(load: Load, new: NewLoad) -> bool:
    return (load.source_file, load.content_hash, load.mapping_hash, load.cursor_value, load.source_columns) == (
        new.file, new.content_hash, new.mapping_hash, new.cursor_value, new.source_columns,
    )  # fmt: skip


def _list(load_ids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(load_ids)))
