"""A backtest that fails warns, or keeps the version from being published, as the settings say."""

import dagster as dg
import pytest

from orchestration.dagster_support.segment_assets import StepCheck
from orchestration.segments.month import SegmentMonth
from orchestration.settings import Settings

NAME = "backtest_agrees_with_actual_figures"
CHECK = StepCheck(NAME, "value_evidence", "", blocks=lambda settings: settings.backtest.when_failed == "block")
AGREES = SegmentMonth({}, "", finding="passed")


def settings(when_failed: str) -> Settings:
    return Settings.model_validate({"backtest": {"when_failed": when_failed}})


@pytest.mark.parametrize(
    ("when_failed", "severity"),
    [("warn", dg.AssetCheckSeverity.WARN), ("block", dg.AssetCheckSeverity.ERROR)],
)
def test_a_failure_of_any_month_warns_or_blocks(when_failed: str, severity: dg.AssetCheckSeverity) -> None:
    months = {"2025-11-30.1": SegmentMonth({}, "", passed=False, finding="Off."), "2025-12-31.1": AGREES}
    result = CHECK.result(months, settings(when_failed))
    assert (result.passed, result.severity) == (False, severity)
    assert {name: each.value for name, each in result.metadata.items()} == {
        "2025-11-30.1": "Off.", "2025-12-31.1": "passed"
    }  # fmt: skip


def test_a_backtest_that_agrees_passes() -> None:
    assert CHECK.result({"2025-12-31.1": AGREES}, settings("block")).passed


def test_nothing_is_published_past_a_check_that_blocks() -> None:
    """Dagster skips what lies downstream of a blocking check that fails; publishing has to lie there."""
    from orchestration.definitions import defs

    graph = defs().resolve_asset_graph()
    (key,) = [key for key in graph.asset_check_keys if key.name == NAME]
    assert graph.get(key).blocking
    published = dg.AssetKey(["publish", "published_versions"])
    assert key.asset_key in graph.get(published).parent_keys
