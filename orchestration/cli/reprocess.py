"""Reading rejected rows again after the source or its mapping has been fixed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from orchestration.errors import SettingsError
from orchestration.ingest import ingest
from orchestration.lake.contract import Table, load_contract
from orchestration.lake.migrations import ensure_tables
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import Settings
from orchestration.source_checks import check_sources, said, tally


@dataclass(frozen=True)
class Reprocessed:
    """The result: ``rows`` are (table, rows in quarantine before, after); ``says`` is for people."""

    rows: tuple[tuple[str, int, int], ...]
    says: tuple[str, ...] = ()


def reprocess(
    warehouse: Warehouse, settings: Settings, table: str | None = None, progress: Callable[[str], None] | None = None
) -> Reprocessed:
    """Read every load with rows in quarantine again, then make the source checks.

    Args:
        warehouse: the lake.
        settings: sources as they are mapped now.
        table: only this table, and those that refer to it, whose rows may have been rejected for lack of its rows.
        progress: called with a sentence at each step.

    Raises:
        SettingsError: there is no such table.
        SourceError: a source cannot be read.
    """
    contract = load_contract()
    if table is not None and table not in contract:
        raise SettingsError(f"--table: {table} is not a source table. Tables: {', '.join(contract)}.")
    chosen = [
        name for name in contract if name in settings.sources and (table is None or _depends(contract, name, table))
    ]
    with warehouse.writer() as connection:
        ensure_tables(connection)
        before = _counts(connection)
    if not any(before.get(name) for name in chosen):
        return Reprocessed(())
    reports = ingest(warehouse, settings, tables=chosen, progress=progress, again=True)
    with warehouse.writer() as connection:
        after = _counts(connection)
        outcomes = check_sources(connection, settings, reports, datetime.now(UTC).replace(tzinfo=None))
    says = [
        f"Still blocked: raw.{each.source_table}, {each.check_name}: {said(each)}" for each in outcomes if each.blocks
    ]
    stays = sum(after.get(name, 0) for name in chosen)
    if stays:
        says.append("'segmentation quarantine list' shows what is still there and why.")
    says.append(f"{tally(outcomes, settings)} 'segmentation run' segments with what was accepted.")
    rows = tuple((name, before.get(name, 0), after.get(name, 0)) for name in chosen if name in before or name in after)
    return Reprocessed(rows, tuple(says))


def _depends(contract: Mapping[str, Table], name: str, on: str) -> bool:
    return name == on or any(_depends(contract, parent, on) for parent in contract[name].parents)


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(connection.execute("select source_table, count(*) from ops.quarantine group by all").fetchall())
