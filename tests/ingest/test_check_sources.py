"""What a new mapping would do is seen before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from orchestration.lib.check_sources import SourcesReport, check_sources, render
from orchestration.lib.settings import Settings

if TYPE_CHECKING:
    from tests.ingest.conftest import Isp

USAGE = "contract_id,usage_date,bytes_down,bytes_up,node\n"


def check(isp: Isp) -> SourcesReport:
    return check_sources(Settings.model_validate(isp.settings))


def text(report: SourcesReport) -> str:
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(render(report))
    return captured.get()


def test_a_good_mapping_is_ok_and_nothing_is_written(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,bras7\n")
    report = check(small_isp)
    assert report.ok
    usage = next(found for found in report.tables if found.table == "usage")
    assert (usage.files, usage.sampled, usage.accepted, usage.ignored_columns) == (1, 1, 1, ("node",))
    assert usage.sample[0]["bytes_down"] == 9
    assert "devices" in usage.unmapped_columns
    assert set(report.unavailable) == {
        "invoices",
        "payments",
        "interactions",
        "service_quality",
        "balances",
        "exchange_rates",
    }
    assert not (small_isp.folder / "lake").exists()


def test_rows_that_would_be_refused_are_shown_with_their_reason(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\nK1,2025-01-02,n/a,1,a\nK7,2025-01-02,9,1,a\n")
    report = check(small_isp)
    usage = next(found for found in report.tables if found.table == "usage")
    assert report.ok
    assert [(found["column"], found["reason"], found["example"], found["first_row"]) for found in usage.rejected] == [
        ("bytes_down", "wrong_type", "n/a", 2),
        ("contract_id", "unknown_reference", "K7", 3),
    ]
    assert "bytes_down: wrong_type in 1 rows, first in row 2 of usage.csv, for example 'n/a'." in text(report)


def test_a_table_of_bad_rows_only_fails(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}X1,2025-01-01,9,1,a\n")
    assert not check(small_isp).ok


def test_one_broken_source_does_not_hide_the_others(small_isp: Isp) -> None:
    small_isp.map("customers", "customers*.csv", columns={"created_date": "birthday"})
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    report = check(small_isp)
    by_table = {found.table: found for found in report.tables}
    assert not report.ok
    assert "birthday" in by_table["customers"].error
    assert by_table["usage"].accepted == 1
    assert "birthday" in text(report)


def test_a_swapped_direction_is_warned_of(small_isp: Isp) -> None:
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,1,9,a\n")
    (warning,) = next(found for found in check(small_isp).tables if found.table == "usage").warnings
    assert "uploads more than it downloads" in warning


def test_a_required_table_without_a_source_fails(small_isp: Isp) -> None:
    del small_isp.settings["sources"]["contracts"]
    small_isp.write("usage.csv", f"{USAGE}K1,2025-01-01,9,1,a\n")
    report = check(small_isp)
    assert not report.ok
    assert "contracts" in report.unavailable
