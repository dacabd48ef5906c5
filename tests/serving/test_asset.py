"""A target in Dagster: a failure is tried again and told, undoes nothing, and the next run catches up."""

import json
from pathlib import Path

import dagster as dg
import pytest

from orchestration.dagster_support.deployment import Deployment
from orchestration.defs.serving.assets import CHECK, target_asset
from orchestration.settings import load_settings
from tests.serving.conftest import DECEMBER, NOVEMBER


@pytest.fixture
def served(lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.AssetsDefinition:
    """The asset of a DuckDB file below ``tmp_path / "served"``."""
    target = {"type": "duckdb", "path": "served/segments.duckdb", "tables": lake.tables}
    target |= {"retries": 2, "retry_after_seconds": 0.01}
    settings = {"warehouse": {"path": str(lake.warehouse.path), "threads": 1}, "serving": {"target": target}}
    (tmp_path / "segmentation.yaml").write_text(json.dumps(settings))
    monkeypatch.setenv("SEGMENTATION_CONFIG", str(tmp_path / "segmentation.yaml"))
    return target_asset("target", load_settings().serving["target"])


def test_a_target_that_fails_is_tried_again_told_and_caught_up_and_the_publish_stays(lake, served, tmp_path):
    (tmp_path / "served").write_text("where the folder has to be")
    lake.publish(DECEMBER)
    with dg.instance_for_test() as instance:

        def run() -> dg.ExecuteInProcessResult:
            return dg.materialize(
                [served], instance=instance, resources={"deployment": Deployment()}, raise_on_error=False
            )

        failed = run()
        retries = [event for event in failed.all_events if event.event_type_value == "STEP_RESTARTED"]
        assert (failed.success, len(retries)) == (False, 2)
        (failure,) = (event for event in failed.all_events if event.is_step_failure)
        assert "served/segments.duckdb was not updated" in str(failure.step_failure_data.error)
        assert {(row[0], "published" in row) for row in lake.rows("segmentation_versions")} == {
            (NOVEMBER, True),
            (DECEMBER, True),
        }
        (tmp_path / "served").unlink()
        caught_up = run()
        assert caught_up.success
        (check,) = caught_up.get_asset_check_evaluations()
        assert (check.check_name, check.passed) == (CHECK, True)
        (served_,) = caught_up.asset_materializations_for_node("serving__target")
        assert served_.metadata["written"].value == f"{NOVEMBER}, {DECEMBER}, current"
