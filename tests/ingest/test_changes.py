"""What changes at the source changes the lake, and nothing else does: deletions, orphans, months, columns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orchestration.errors import SourceError
from tests.ingest.accounting import assert_accounted

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

USAGE = "contract_id,usage_date,bytes_down,bytes_up\n"


def snapshots(isp: Isp) -> int:
    return isp.rows("select count(*) from ducklake_snapshots('lake')")[0][0]


def months(isp: Isp, table: str, after: int = 0) -> dict[str, int]:
    found = isp.rows(
        f'select month_end_date::varchar, sum("rows")::int from ops.load_months'
        f" where source_table = '{table}' and load_id > {after} group by all order by all"
    )
    return dict(found)


def last_load(isp: Isp) -> int:
    return isp.rows("select max(load_id) from (from ops.loads select load_id union all from ops.load_months select 1)")[
        0
    ][0]


def test_a_snapshot_of_other_bytes_and_the_same_rows_writes_only_where_they_came_from(small_isp: Isp) -> None:
    small_isp.write("customers.csv", small_isp.CUSTOMERS + "C9,robot,2024-01-01\n")
    small_isp.ingest("customers", "contracts")
    before = small_isp.rows("select load_id, content_hash from ops.loads where source_table = 'customers'")
    rows = small_isp.rows("from raw.customers order by all")
    head, *lines = small_isp.CUSTOMERS.splitlines(keepends=True)
    small_isp.write("customers.csv", head + lines[0].replace("C1", " C1 ") + lines[1] + "C9,robot,2024-01-01\n")
    report = small_isp.ingest("customers", "contracts")["customers"]
    assert (report.rows_read, report.rows_accepted, report.rows_duplicate, report.rows_quarantined) == (3, 0, 2, 1)
    assert small_isp.rows("from raw.customers order by all") == rows
    ((load_id, content),) = small_isp.rows(
        "select load_id, content_hash from ops.loads where source_table = 'customers'"
    )
    assert load_id == before[0][0]
    assert content != before[0][1]
    unchanged = snapshots(small_isp)
    assert small_isp.ingest("customers", "contracts")["customers"].rows_read == 0
    assert snapshots(small_isp) == unchanged


def test_only_rows_that_differ_reach_the_months_of_a_snapshot(small_isp: Isp) -> None:
    small_isp.ingest("customers", "contracts")
    assert months(small_isp, "customers") == {"2024-01-31": 1, "2024-02-29": 1}
    before = last_load(small_isp)
    changed = small_isp.CUSTOMERS.replace("C2,organization,2024-02-01", "C2,person,2024-03-01")
    small_isp.write("customers.csv", f"{changed}C3,person,2024-05-05\n")
    report = small_isp.ingest("customers", "contracts")["customers"]
    assert months(small_isp, "customers", before) == {"2024-02-29": 1, "2024-03-31": 1, "2024-05-31": 1}
    assert report.rows_deleted == 0
    assert_accounted(small_isp)


def test_late_and_restated_rows_reach_their_own_months(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-02-01,1,1\nK1,2025-02-02,1,1\n")
    small_isp.ingest()
    before = last_load(small_isp)
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-02-02,2,2\nK1,2025-02-01,1,1\nK1,2025-01-31,3,3\n")
    small_isp.ingest()
    assert months(small_isp, "usage", before) == {"2025-01-31": 1, "2025-02-28": 1}
    before = last_load(small_isp)
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-02-01,1,1\nK1,2025-03-02,1,1\n")
    small_isp.ingest()
    assert months(small_isp, "usage", before) == {"2025-03-31": 1}
    assert_accounted(small_isp)


def test_rows_that_a_changed_mapping_no_longer_makes_are_not_gone_from_the_source(small_isp: Isp) -> None:
    small_isp.ingest("customers")
    small_isp.settings["sources"]["customers"]["where"] = "customer_id <> 'C2'"
    said: list[str] = []
    report = small_isp.ingest("customers", progress=said.append)["customers"]
    assert (report.rows_deleted, report.rows_in_table) == (
        0,
        small_isp.rows("select count(*) from raw.customers")[0][0],
    )
    assert "raw.customers: 1 rows are no longer made, as the mapping has changed." in said


def test_rows_of_a_deleted_customer_go_to_quarantine_and_come_back_with_it(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\nK2,2025-01-01,1,1\nK2,2025-02-01,7,1\n")
    small_isp.ingest()
    # An emptied archive: what it held cannot be read again.
    (small_isp.folder / "source" / "usage_1.csv").unlink()
    content = small_isp.rows("select * exclude (_load_id) from raw.usage order by all")
    before = last_load(small_isp)
    small_isp.write("customers.csv", small_isp.CUSTOMERS.replace("C2,organization,2024-02-01\n", ""))
    said: list[str] = []
    reports = small_isp.ingest(progress=said.append)
    assert reports["customers"].rows_deleted == 1
    assert (reports["contracts"].rows_orphaned, reports["usage"].rows_orphaned) == (1, 2)
    assert "raw.customers: 1 rows are gone from the source." in said
    assert small_isp.rows("select contract_id from raw.contracts") == [("K1",)]
    assert small_isp.rows("select contract_id from raw.usage") == [("K1",)]
    assert small_isp.rejected("contracts") == [("customer_id", "unknown_reference", "C2")]
    assert small_isp.rejected("usage") == [("contract_id", "unknown_reference", "K2")] * 2
    assert months(small_isp, "usage", before) == {"2025-01-31": 1, "2025-02-28": 1}
    assert_accounted(small_isp)

    small_isp.write("customers.csv", small_isp.CUSTOMERS)
    reports = small_isp.ingest()
    assert reports["usage"].rows_read == 0
    assert small_isp.rows("select * exclude (_load_id) from raw.usage order by all") == content
    assert small_isp.rejected("contracts") == small_isp.rejected("usage") == []
    assert_accounted(small_isp)


def test_a_row_that_was_delivered_anew_while_it_was_orphaned_stays_restated(small_isp: Isp) -> None:
    small_isp.map("contracts", "contracts*.csv", growth="append")
    small_isp.ingest("customers", "contracts")
    small_isp.write("customers.csv", small_isp.CUSTOMERS.replace("C2", "C3"))
    small_isp.write("contracts_2.csv", small_isp.CONTRACTS.replace("C2", "C3").replace("49.90", "59.90"))
    small_isp.ingest("customers", "contracts")
    small_isp.write("customers.csv", small_isp.CUSTOMERS + "C3,organization,2024-02-01\n")
    small_isp.ingest("customers", "contracts")
    stored = small_isp.rows("select contract_id, customer_id, monthly_fee::double from raw.contracts order by all")
    assert stored == [("K1", "C1", 29.9), ("K2", "C3", 59.9)]
    assert small_isp.rejected("contracts") == []
    assert_accounted(small_isp)


def test_a_file_replaced_under_the_same_name_size_and_time_is_noticed(small_isp: Isp) -> None:
    path = small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.ingest()
    stat = path.stat()
    path.write_text(f"{USAGE}K1,2025-01-01,2,1\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    small_isp.ingest()
    assert small_isp.rows("select bytes_down from raw.usage") == [(2,)]


def test_a_new_column_is_noticed_once_and_ignored(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.ingest()
    for day in (2, 3):
        small_isp.write(f"usage_{day}.csv", USAGE.replace("\n", ",vlan\n") + f"K1,2025-01-0{day},1,1,9\n")
    said: list[str] = []
    assert small_isp.ingest(progress=said.append)["usage"].new_columns == ("vlan",)
    assert [line for line in said if "new columns" in line] == [
        f"raw.usage: {small_isp.folder}/source/usage_2.csv: new columns vlan; not used: vlan."
    ]
    assert small_isp.rows("select count(*) from raw.usage") == [(3,)]


def test_a_required_column_of_another_kind_stops_the_load_until_the_mapping_says_so(small_isp: Isp) -> None:
    day = "'K1' as contract_id, date '2025-01-0{}' as usage_date, {} as bytes_down, 1 as bytes_up, {} as note"
    small_isp.write_parquet("usage_1.parquet", "select " + day.format(1, "5", "1"))
    small_isp.write_parquet("usage_2.parquet", "select " + day.format(2, "6::bigint", "'a'"))
    small_isp.ingest()
    small_isp.write_parquet("usage_3.parquet", "select " + day.format(3, "'7'", "'a'"))
    with pytest.raises(SourceError, match=r"'bytes_down' has become text \(VARCHAR\); it was number \(BIGINT\)"):
        small_isp.ingest()
    assert small_isp.rows("select count(*) from raw.usage") == [(2,)]
    small_isp.map("usage", "usage*", growth="append", columns={"bytes_down": "cast(bytes_down as bigint)"})
    small_isp.ingest()
    assert small_isp.rows("select sum(bytes_down)::int from raw.usage") == [(18,)]


def test_quarantine_is_read_again_when_asked_and_nothing_is_lost(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\nK1,2025-01-02,many,1\n")
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-03,1,1\n")
    small_isp.ingest()
    report = small_isp.ingest(again=True)["usage"]
    assert (report.files_new, report.files_known, report.rows_read) == (1, 1, 2)
    assert small_isp.rejected("usage") == [("bytes_down", "wrong_type", "many")]
    assert small_isp.rows("select count(*) from raw.usage") == [(2,)]
    assert_accounted(small_isp)
