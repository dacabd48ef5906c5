"""A database is read in every run, and only what has changed is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.ingest.accounting import assert_accounted

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp


class Crm:
    """A customer database that grows."""

    def __init__(self, isp: Isp) -> None:
        self.path = isp.folder / "crm.duckdb"
        isp.settings["locations"]["crm"] = {"database": "duckdb", "connection": str(self.path)}
        self.execute("create table customers (customer_id text, customer_type text, created_date date, changed int)")
        self.execute(
            "insert into customers values ('C1', 'person', '2024-01-01', 9), ('C2', 'robot', '2024-01-01', 10)"
        )

    def execute(self, statement: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(statement)


@pytest.fixture
def crm(isp: Isp) -> Crm:
    return Crm(isp)


def loads(isp: Isp) -> list[tuple]:
    return isp.rows(
        "select load_id, rows_read, rows_accepted, rows_quarantined, rows_duplicate, cursor_value from ops.loads"
        " order by load_id"
    )


def test_a_table_is_compared_in_every_run_and_written_when_rows_differ(isp: Isp, crm: Crm) -> None:
    isp.map("customers", location="crm", table="customers")
    isp.ingest("customers")
    before = isp.rows("select count(*) from ducklake_snapshots('lake')")
    report = isp.ingest("customers")["customers"]
    assert (report.rows_read, report.rows_accepted, report.rows_quarantined, report.rows_duplicate) == (2, 0, 1, 1)
    assert isp.rows("select count(*) from ducklake_snapshots('lake')") == before
    crm.execute("delete from customers where customer_id = 'C1'")
    crm.execute("insert into customers values ('C3', 'person', '2024-01-01', 11)")
    report = isp.ingest("customers")["customers"]
    assert (report.rows_accepted, report.rows_deleted) == (1, 1)
    assert isp.rows("select customer_id from raw.customers") == [("C3",)]
    assert_accounted(isp)


def test_with_a_cursor_only_new_and_changed_rows_are_read(isp: Isp, crm: Crm) -> None:
    isp.map("customers", location="crm", table="customers", growth="append", cursor="changed")
    isp.ingest("customers")
    assert loads(isp) == [(1, 2, 1, 1, 0, "10")]
    before = isp.rows("select count(*) from ducklake_snapshots('lake')")
    assert isp.ingest("customers")["customers"].rows_duplicate == 1, "the row at the cursor, in quarantine already"
    assert isp.rows("select count(*) from ducklake_snapshots('lake')") == before
    crm.execute("insert into customers values ('C3', 'person', '2024-01-01', 100)")
    crm.execute("update customers set customer_type = 'organization', changed = 101 where customer_id = 'C1'")
    isp.ingest("customers")
    assert loads(isp)[1:] == [(2, 3, 2, 0, 1, "101")]
    stored = isp.rows("select customer_id, customer_type from raw.customers order by all")
    assert stored == [("C1", "organization"), ("C3", "person")]
    assert_accounted(isp)


def test_rows_in_quarantine_are_read_again_once_mended(isp: Isp, crm: Crm) -> None:
    isp.map("customers", location="crm", table="customers", growth="append", cursor="changed")
    isp.ingest("customers")
    crm.execute("insert into customers values ('C3', 'person', '2024-01-01', 11)")
    isp.ingest("customers")
    crm.execute("update customers set customer_type = 'person' where customer_id = 'C2'")
    isp.ingest("customers", again=True)
    assert isp.rows("select customer_id from raw.customers order by all") == [("C1",), ("C2",), ("C3",)]
    assert isp.rejected("customers") == []
    assert_accounted(isp)


def test_a_changed_mapping_of_a_table_reads_everything_again(isp: Isp, crm: Crm) -> None:
    source = {"location": "crm", "table": "customers", "growth": "append", "cursor": "changed"}
    isp.map("customers", **source)
    isp.ingest("customers")
    isp.map("customers", **source, columns={"customer_type": "replace(customer_type, 'robot', 'person')"})
    isp.ingest("customers")
    assert isp.rows("select customer_id from raw.customers order by all") == [("C1",), ("C2",)]
    assert len(loads(isp)) == 1
    assert_accounted(isp)
