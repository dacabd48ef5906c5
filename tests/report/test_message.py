"""What a message says of a version, to people who do not open the report."""

from orchestration.report.message import message
from orchestration.settings import Settings
from tests.report.conftest import BEFORE, VERSION


def test_it_says_what_changed_and_what_failed(lake):
    said = message(lake, VERSION, Settings(title="North ISP"))
    assert said.title == f"North ISP: {VERSION} published"
    assert "Open customers: " in said.lines[0]
    assert "since 30 September 2026" in said.body
    assert "Customers whose segment changed: " in said.body
    assert "8 value decile" in said.body
    assert "Checks that failed: 1." in said.lines
    assert "- usage, upload_share: 0.9, allowed is at most 0.5" in said.lines


def test_it_names_no_customer(lake):
    lake.execute("update ops.source_checks set message = 'As c00001 of crm.csv.'")
    body = message(lake, VERSION, Settings()).body
    assert not [word for word in ("customer_id", "c00001", "crm.csv") if word in body]


def test_a_first_version_is_compared_with_nothing(lake):
    said = message(lake, BEFORE, Settings())
    assert "since" not in said.lines[0]


def test_a_failed_backtest_and_what_it_says_are_told(lake):
    lake.execute("delete from bi.segmentation_versions")
    lake.execute(
        "insert into bi.segmentation_versions (version_id, value_basis, backtest_status, backtest_findings)"
        f" values ('{VERSION}', 'learned', 'failed', 'Churn was 40% higher.')"
    )
    said = message(lake, VERSION, Settings())
    assert "Backtest: failed." in said.lines
    assert said.lines[-1] == "Past predictions disagree with actual figures. Churn was 40% higher."
