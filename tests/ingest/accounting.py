"""What must hold of the records of loads, always."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.lake.contract import load_contract

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp


def assert_accounted(isp: Isp) -> None:
    """Every row read is in one place, and the table and the quarantine hold exactly the rows the loads say."""
    loads = isp.rows(
        "select load_id, rows_read, rows_accepted, rows_quarantined, rows_duplicate, rows_superseded from ops.loads"
    )
    assert all(read == accepted + aside + duplicate for _, read, accepted, aside, duplicate, _ in loads)
    stored = " union all ".join(f"select _load_id as load_id from raw.{table}" for table in load_contract())
    in_tables = dict(isp.rows(f"select load_id, count(*) from ({stored}) group by all"))
    in_quarantine = dict(isp.rows("select load_id, count(*) from ops.quarantine group by all"))
    assert in_tables == {load[0]: load[2] - load[5] for load in loads if load[2] - load[5]}
    assert in_quarantine == {load[0]: load[3] for load in loads if load[3]}
