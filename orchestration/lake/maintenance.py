"""Upkeep of the lake: small files are merged, old snapshots expire, and what killed runs left behind is deleted."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.errors import LakeError
from orchestration.lake.warehouse import ALIAS, Warehouse

# Every table of a DuckLake catalog that names files.
_FILE_TABLES = ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")


@dataclass(frozen=True)
class Maintained:
    """How many files are gone: ``expired`` only old snapshots used; ``orphans`` and ``spilled`` killed runs left."""

    expired: int
    orphans: int
    spilled: int


def maintain(warehouse: Warehouse, keep_since: datetime, orphans_before: datetime) -> Maintained:
    """Merge small data files, drop snapshots before ``keep_since``, and delete files that no snapshot knows.

    The lock of the writers is held, so no run of this deployment is at work; an orphan younger than
    ``orphans_before`` may be another program's that writes to the same lake, and is left. Both are aware of their zone.

    Raises:
        LakeError: a file that the catalog names would have been deleted; nothing was.
    """
    with warehouse.lock("maintenance"):
        warehouse.discard_workspace()
    with warehouse.writer() as connection:
        connection.execute(f"call ducklake_merge_adjacent_files('{ALIAS}')")
        connection.execute(f"call ducklake_expire_snapshots('{ALIAS}', older_than => ?)", [keep_since])
        expired = connection.execute(
            f"call ducklake_cleanup_old_files('{ALIAS}', older_than => ?)", [keep_since]
        ).fetchall()
        found = orphans(connection, orphans_before)
        if found:
            connection.execute(f"call ducklake_delete_orphaned_files('{ALIAS}', older_than => ?)", [orphans_before])
    return Maintained(len(expired), len(found), _delete_spilled(warehouse.path / "tmp", orphans_before))


def orphans(connection: duckdb.DuckDBPyConnection, before: datetime) -> list[str]:
    """Return the Parquet files of the lake's folder, changed before a time, that its catalog does not name.

    Raises:
        LakeError: the catalog names one of them all the same. DuckLake compares paths as text, so it takes a file for
            an orphan that it knows by another spelling of the folder; the names themselves are unique.
    """
    found = connection.execute(
        f"call ducklake_delete_orphaned_files('{ALIAS}', older_than => ?, dry_run => true)", [before]
    ).fetchall()
    unknown = {Path(path).name: str(path) for (path,) in found}
    known = {
        Path(path).name
        for table in _FILE_TABLES
        for (path,) in connection.execute(f"select path from __ducklake_metadata_{ALIAS}.{table}").fetchall()
    }
    if mistaken := sorted(unknown.keys() & known):
        raise LakeError(
            f"{unknown[mistaken[0]]} is taken for a file that no snapshot needs, and the catalog names it. Nothing was"
            " deleted. Let 'warehouse.path' name the folder as it was named when the lake was made."
        )
    return sorted(unknown.values())


def _delete_spilled(folder: Path, before: datetime) -> int:
    """Delete what DuckDB moved out of memory in processes that were killed: it holds rows as well."""
    left = [
        file for file in folder.glob("duckdb_temp_*") if file.is_file() and file.stat().st_mtime < before.timestamp()
    ]
    for file in left:
        file.unlink(missing_ok=True)
    return len(left)
