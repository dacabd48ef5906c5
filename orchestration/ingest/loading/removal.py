"""Removing loads: their rows, their records, and the rows of other tables that referred to theirs."""

from collections.abc import Callable, Collection

import duckdb

from orchestration.ingest.loading import changes, records, references
from orchestration.lake.contract import LOAD_ID, Table
from orchestration.lake.warehouse import transaction

_WAS = "_was"
GONE = "are gone from the source"
NO_LONGER_MADE = "are no longer made, as the mapping has changed"


def remove(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    load_ids: Collection[int],
    gone: str,
    found: changes.Changes,
    change: int,
    tell: Callable[[str], None],
    why: str = GONE,
) -> dict[str, int]:
    """Remove loads, within the caller's transaction.

    Args:
        connection: the lake.
        table: the table of the loads.
        load_ids: the loads.
        gone: SQL condition that selects their stored rows.
        found: the net changes of the removal, given the loads that replace them.
        change: the load to which consequences in other tables are attributed.
        tell: called with a sentence about each consequence.
        why: what happened to the rows, for the message.

    Returns:
        How many rows of other tables went to quarantine, by table.
    """
    key = ", ".join(f'"{name}"' for name in table.key)
    if found.deleted:
        connection.execute(
            f"create or replace temp table {_WAS} as select distinct {key} from raw.{table.name} where {gone}"
        )
    connection.execute(f"delete from raw.{table.name} where {gone}")
    records.remove_loads(connection, load_ids)
    records.add_months(connection, table.name, found.months)
    if not found.deleted:
        return {}
    tell(f"raw.{table.name}: {found.deleted:,} rows {why}.")
    orphaned = references.set_orphans_aside(connection, table, f"from {_WAS}", change)
    connection.execute(f"drop table temp.{_WAS}")
    for name, rows in orphaned.items():
        tell(f"raw.{name}: {rows:,} rows to quarantine, as the row they refer to is gone.")
    return orphaned


def empty(
    connection: duckdb.DuckDBPyConnection, table: Table, loads: Collection[int], tell: Callable[[str], None]
) -> tuple[int, dict[str, int]]:
    """Remove all loads of a table; return the number of rows it lost, and of rows quarantined in other tables."""
    if not loads:
        return 0, {}
    with transaction(connection):
        change = records.next_load_id(connection)
        found = changes.compare(connection, table, f"{LOAD_ID} is not null", f"{LOAD_ID} is null", change)
        return found.deleted, remove(connection, table, loads, f"{LOAD_ID} is not null", found, change, tell)
