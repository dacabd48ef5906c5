"""Maintenance of the lake: merge small files, expire old snapshots, and delete what killed runs left behind."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.errors import LakeError
from orchestration.lake.warehouse import ALIAS, Warehouse

# All tables of a DuckLake catalog that refer to files.
_FILE_TABLES = ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")


@dataclass(frozen=True)
class Maintained:
    """Numbers of deleted files: ``expired`` for old snapshots, ``orphans`` and ``spilled`` left by killed runs."""

    expired: int
    orphans: int
    spilled: int


def maintain(warehouse: Warehouse, keep_since: datetime, orphans_before: datetime) -> Maintained:
    """Merge small data files, drop snapshots before ``keep_since``, and delete files that no snapshot refers to.

    The writers' lock is held, so no run of this deployment is active; an orphan younger than ``orphans_before`` may
    belong to another program that writes to the same lake, and is kept. Both times are timezone-aware.

    Raises:
        LakeError: a file that the catalog refers to would have been deleted; nothing was.
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
    """Return the Parquet files in the lake's folder, changed before a time, that its catalog does not refer to.

    Raises:
        LakeError: the catalog does refer to one of them. DuckLake compares paths as text, so it considers a file an
            orphan if the catalog spells its folder differently; the file names themselves are unique.
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
    """Delete what DuckDB spilled to disk in processes that were killed; it contains rows too."""
    left = [
        file for file in folder.glob("duckdb_temp_*") if file.is_file() and file.stat().st_mtime < before.timestamp()
    ]
    for file in left:
        file.unlink(missing_ok=True)
    return len(left)
