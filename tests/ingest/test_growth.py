"""A load is read once; what changes is replaced; the order of rows and files changes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands import run_command

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

USAGE = "contract_id,usage_date,bytes_down,bytes_up\n"


def content(isp: Isp, table: str = "usage") -> list[tuple]:
    return isp.rows(f"select * exclude (_load_id) from raw.{table} order by all")


def snapshots(isp: Isp) -> int:
    return isp.rows("select count(*) from ducklake_snapshots('lake')")[0][0]


def test_a_second_run_reads_nothing_and_leaves_the_lake_untouched(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.ingest()
    before = snapshots(small_isp)
    reports = small_isp.ingest()
    assert snapshots(small_isp) == before
    assert all(report.rows_read == 0 for report in reports.values())
    assert (reports["usage"].files_known, reports["usage"].rows_in_table) == (1, 1)


def test_a_touched_or_renamed_file_of_the_same_content_is_known(small_isp: Isp) -> None:
    path = small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.ingest()
    os.utime(path, ns=(1, 1))
    assert small_isp.ingest()["usage"].rows_read == 0
    path.rename(path.with_name("usage_2.csv"))
    assert small_isp.ingest()["usage"].rows_read == 0


def test_appended_files_add_rows_and_only_they_are_read(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.ingest()
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-02,2,1\n")
    report = small_isp.ingest()["usage"]
    assert (report.files_new, report.files_known, report.rows_read, report.rows_in_table) == (1, 1, 1, 2)


def test_a_later_file_restates_and_the_restated_load_says_so(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\nK2,2025-01-01,5,5\n")
    small_isp.ingest()
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-01,9,1\nK2,2025-01-01,5,5\n")
    report = small_isp.ingest()["usage"]
    assert small_isp.rows("select contract_id, bytes_down from raw.usage order by all") == [("K1", 9), ("K2", 5)]
    assert (report.rows_accepted, report.rows_superseded, report.rows_duplicate) == (1, 1, 1)
    loads = small_isp.rows(
        "select rows_accepted, rows_superseded, rows_duplicate from ops.loads"
        " where source_table = 'usage' order by load_id"
    )
    assert loads == [(2, 1, 0), (1, 0, 1)]


def test_a_snapshot_is_replaced_as_a_whole_when_a_file_changes(small_isp: Isp) -> None:
    small_isp.ingest("customers")
    small_isp.write("customers.csv", small_isp.CUSTOMERS.replace("C2", "C3"))
    small_isp.ingest("customers")
    assert small_isp.rows("select customer_id from raw.customers order by all") == [("C1",), ("C3",)]
    assert small_isp.rows("select count(*) from ops.loads") == [(1,)]


def test_a_snapshot_loses_the_rows_of_a_file_that_is_gone(small_isp: Isp) -> None:
    extra = small_isp.write("customers_2.csv", small_isp.CUSTOMERS.replace("C1", "C8").replace("C2", "C9"))
    small_isp.ingest("customers")
    extra.unlink()
    assert small_isp.ingest("customers")["customers"].rows_in_table == 2


def test_an_emptied_archive_keeps_its_rows(small_isp: Isp) -> None:
    path = small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.ingest()
    path.unlink()
    assert small_isp.ingest()["usage"].rows_in_table == 1


def test_a_changed_file_of_the_same_name_replaces_its_load(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\nK1,2025-01-02,1,1\n")
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-03,1,1\n")
    small_isp.ingest()
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,7,7\n")
    report = small_isp.ingest()["usage"]
    assert small_isp.rows("select day(usage_date), bytes_down from raw.usage order by all") == [(1, 7), (3, 1)]
    assert (report.rows_read, report.files_known) == (1, 1)


@pytest.mark.parametrize(
    "changed",
    [f"{USAGE}K2,2025-01-05,1,1\n", f"{USAGE}K1,2025-01-01,4,4\n", f"{USAGE}K1,2025-01-02,4,4\n"],
    ids=["what it restated or duplicated comes back", "still restated", "restated by a later load"],
)
def test_replacing_a_load_that_met_others_is_as_if_all_were_read_anew(small_isp: Isp, changed: str) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\nK1,2025-01-02,1,1\n")
    small_isp.ingest()
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-01,2,2\nK1,2025-01-02,1,1\n")
    small_isp.ingest()
    small_isp.write("usage_3.csv", f"{USAGE}K1,2025-01-02,3,3\n")
    small_isp.ingest()
    small_isp.write("usage_2.csv", changed)
    small_isp.ingest()
    fresh = small_isp.with_fresh_lake()
    fresh.ingest()
    assert content(small_isp) == content(fresh)


def test_a_changed_file_that_meets_others_only_now_keeps_its_place_in_the_order(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-02,2,2\n")
    small_isp.ingest()
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-02,9,9\n")
    small_isp.ingest()
    assert small_isp.rows("select bytes_down from raw.usage") == [(2,)]


def test_a_changed_mapping_reads_every_file_again(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-02,2,2\n")
    small_isp.ingest()
    small_isp.map("usage", "usage*", growth="append", columns={"bytes_down": "bytes_down::bigint * 1000"})
    assert small_isp.ingest()["usage"].rows_read == 2
    assert small_isp.rows("select bytes_down from raw.usage order by all") == [(1000,), (2000,)]


def test_rows_come_out_of_quarantine_when_their_reference_becomes_known(small_isp: Isp) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K3,2025-01-01,1,1\nK1,2025-01-01,1,1\n")
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-02,1,1\nK8,2025-01-02,1,1\n")
    small_isp.ingest()
    small_isp.write("contracts_2.csv", small_isp.CONTRACTS.replace("K1", "K3").replace("K2", "K4"))
    report = small_isp.ingest()["usage"]
    assert report.files_new == 1
    assert small_isp.rows("select count(*) from raw.usage where contract_id = 'K3'") == [(1,)]
    assert small_isp.rejected("usage") == [("contract_id", "unknown_reference", "K8")]
    assert small_isp.ingest()["usage"].files_new == 0


def test_a_table_that_is_mapped_no_more_is_empty(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,1,1\n")
    small_isp.ingest()
    del small_isp.settings["sources"]["usage"]
    report = small_isp.ingest()["usage"]
    assert (report.is_mapped, report.rows_in_table) == (False, 0)
    assert small_isp.rows("select count(*) from ops.loads where source_table = 'usage'") == [(0,)]


def test_the_order_of_rows_and_of_disjoint_files_changes_nothing(small_isp: Isp) -> None:
    lines = [f"K{1 + day % 2},2025-01-{1 + day // 2:02},{day},1\n" for day in range(20)]
    small_isp.write("usage_1.csv", USAGE + "".join(lines[:10]))
    small_isp.write("usage_2.csv", USAGE + "".join(lines[10:]))
    small_isp.ingest()
    other = small_isp.with_fresh_lake()
    small_isp.write("usage_1.csv", USAGE + "".join(reversed(lines[10:])))
    small_isp.write("usage_2.csv", USAGE + "".join(reversed(lines[:10])))
    other.ingest()
    assert content(small_isp) == content(other)


_KILLED = """
import os, sys
from pathlib import Path
from orchestration.ingest import ingest
from orchestration.settings import load_settings
from orchestration.lake.warehouse import Warehouse
settings = load_settings(Path(sys.argv[1]))
ingest(Warehouse(settings.warehouse), settings, progress=lambda line: os._exit(9) if sys.argv[2] in line else None)
"""


@pytest.mark.parametrize("step", ["raw.customers", "raw.contracts", "usage_1.csv", "usage_2.csv"])
def test_a_killed_run_leaves_each_table_as_it_was_or_as_it_will_be(small_isp: Isp, tmp_path: Path, step: str) -> None:
    small_isp.write("usage_1.csv", f"{USAGE}K1,2025-01-01,1,1\nK9,2025-01-01,1,1\n")
    small_isp.write("usage_2.csv", f"{USAGE}K1,2025-01-02,1,1\n")
    settings = tmp_path / "segmentation.yaml"
    settings.write_text(
        "warehouse: {path: lake, threads: 1}\n"
        "locations:\n"
        "  customers: {files: source/customers*.csv}\n"
        "  contracts: {files: source/contracts*.csv}\n"
        "  usage: {files: source/usage*}\n"
        "sources:\n"
        "  customers: {location: customers}\n"
        "  contracts: {location: contracts}\n"
        "  usage: {location: usage, growth: append}\n"
    )
    killed = run_command(["-c", _KILLED, str(settings), step], os.environ, tmp_path)
    assert killed.returncode == 9, killed.stderr
    for table in ("customers", "contracts", "usage"):
        stored = small_isp.rows(f"select count(*) from raw.{table}")[0][0]
        recorded = small_isp.rows(
            f"select coalesce(sum(rows_accepted - rows_superseded), 0) from ops.loads where source_table = '{table}'"
        )[0][0]
        assert stored == recorded
    assert small_isp.rows("select count(*) from raw.usage") == [(0,)]
    small_isp.ingest()
    reports = small_isp.ingest()
    assert [reports[table].rows_in_table for table in ("customers", "contracts")] == [2, 2]
    assert small_isp.rows("select count(*) from raw.usage") == [(2,)]
