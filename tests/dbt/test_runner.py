"""dbt in the process of a run: what it says, how it fails, and that it stops with who called it."""

import json
import threading
import time
from pathlib import Path

import pytest

from orchestration.dagster_support.dbt import dbt_arguments, dbt_variables, ensure_manifest, prepare_for_dbt
from orchestration.dagster_support.dbt_runner import PARSED_PROJECT, parse, stream
from orchestration.errors import SegmentationError
from orchestration.settings import Settings
from tests.dbt.lakes import RUN, Lake

ENDLESS = "select count(*) as n from range(1000000000) as a, range(1000000000) as b"


def _started(lake: Lake, sql: str):
    command = ["show", "--inline", sql, "--vars", json.dumps(dbt_variables(lake.settings))]
    project = ensure_manifest(lake.settings).with_name(PARSED_PROJECT)
    return stream(command, project, prepare_for_dbt(lake.settings, RUN))


def test_who_is_interrupted_takes_the_statement_at_work_along(built_lake: Lake) -> None:
    with built_lake.warehouse.lock("a test"):
        said = _started(built_lake, ENDLESS)
        while next(said)["info"]["name"] != "ConcurrencyLine":
            pass
        time.sleep(1)
        assert "dbt" in {thread.name for thread in threading.enumerate()}
        said.close()
        assert "dbt" not in {thread.name for thread in threading.enumerate()}
    # What was interrupted is over: another command builds, and another writer has the lake to itself.
    assert "1" in built_lake.dbt("show", "--inline", "select 1 as n")


def test_a_failed_command_says_why(built_lake: Lake) -> None:
    with built_lake.warehouse.lock("a test"), pytest.raises(SegmentationError, match="no_such_table"):
        list(_started(built_lake, "select * from no_such_table"))


def test_settings_decide_nothing_that_parsing_gives_so_that_deployments_share_it(
    built_lake: Lake, tmp_path: Path
) -> None:
    unusual = Settings.model_validate(
        {
            "currency": "USD",
            "costs": {"product_cost_share": {}, "per_gb": 1},
            "market": {"size_precedence": "larger"},
            "lifecycle": {"held_months": {}},
            "report": {"minimum_cell_size": 50},
        }
    )
    shared = json.loads(ensure_manifest(built_lake.settings).read_text())
    parse(dbt_arguments("parse", unusual), tmp_path)
    own = json.loads((tmp_path / "manifest.json").read_text())
    for name, parents in shared["parent_map"].items():
        assert sorted(own["parent_map"][name]) == sorted(parents), name
    said = ("config", "columns", "raw_code", "database", "schema", "alias")
    for name, node in shared["nodes"].items():
        assert {key: own["nodes"][name].get(key) for key in said} == {key: node.get(key) for key in said}, name
