"""What a reader must know before any value, and what churn is learned from."""

import duckdb
import pandas as pd
import pytest

from orchestration.report.build import build_report
from orchestration.report.caveats import warnings
from orchestration.report.data import ReportData
from orchestration.settings import Settings
from tests.report.conftest import VERSION


def _evidence(**row: str | None) -> ReportData:
    columns = {"value_basis": "learned", "observation_decision": "Why.", "backtest_findings": None} | row
    return ReportData({}, None, {"value_evidence": pd.DataFrame([columns])})


def test_values_that_were_learned_and_tested_come_without_a_warning() -> None:
    assert warnings(_evidence(), Settings()) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"value_basis": "past_only"}, "Future value is not known, and customers are ranked by past value: Why."),
        ({"value_basis": "assumed"}, "Future value assumes churn of 1.0% a month for everybody: Why."),
        ({"backtest_findings": "Off."}, "Past predictions disagree with actual figures. Off."),
    ],
)
def test_what_values_lack_is_said_in_a_sentence(row: dict[str, str], said: str) -> None:
    settings = Settings.model_validate({"value": {"when_not_learnable": "assume", "assumed_monthly_churn": 0.01}})
    assert warnings(_evidence(**row), settings) == [said]


def test_warnings_stand_before_every_section(lake: duckdb.DuckDBPyConnection) -> None:
    lake.execute("update bi.segmentation_versions set value_basis = 'past_only', observation_decision = 'No dates.'")
    html = build_report(lake, VERSION, Settings(), only=["headline"])
    assert html.index("Future value is not known") < html.index("<section")


def test_months_that_count_are_told_from_those_that_do_not(lake: duckdb.DuckDBPyConnection) -> None:
    html = build_report(lake, VERSION, Settings(), only=["observation"])
    section = html[html.index('id="observation"') :]
    assert "The 12 months before have 0, where 120 would be expected" in section
    assert "Term (business): 0 customers with term 24 left." in section
    assert "Does not count" in section
