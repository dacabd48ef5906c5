"""The graph that Dagster shows: an unintended change of assets, jobs or crons fails here."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from syrupy.assertion import SnapshotAssertion

LOADS_AND_TOUCHES_NOTHING = """
import socket, sys, duckdb

def forbidden(*_args, **_kwargs):
    raise AssertionError("loading the definitions must not open the warehouse or the network")

duckdb.connect = forbidden
socket.socket.connect = forbidden
import orchestration.cli.app, orchestration.cli.runs
from orchestration.definitions import defs, ingest_defs
ingest_defs()
assert not {"dbt", "matplotlib", "scipy", "sklearn"} & sys.modules.keys(), "a night with nothing new waits for these"
defs().get_repository_def()
assert "sklearn" not in sys.modules, "what fits models is imported by the step that does"
"""


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs()


def test_asset_graph_is_the_one_meant(definitions: dg.Definitions, snapshot: SnapshotAssertion):
    graph = definitions.resolve_asset_graph()
    shown = {
        key.to_user_string(): {
            "group": graph.get(key).group_name,
            "after": sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            "partitioned": graph.get(key).partitions_def is not None,
        }
        for key in sorted(graph.materializable_asset_keys)
    }
    assert shown == snapshot


def test_the_flow_goes_one_way_from_layer_to_layer(definitions: dg.Definitions):
    layers = ["raw", "staging", "intermediate", "features", "segments", "actions", "bi", "publish", "serving"]
    graph = definitions.resolve_asset_graph()
    layer = {key: graph.get(key).group_name for key in graph.materializable_asset_keys}
    backwards = [
        f"{parent.to_user_string()} -> {key.to_user_string()}"
        for key in layer
        for parent in graph.get(key).parent_keys
        if parent in layer and layer[parent] != "seeds" and layers.index(layer[parent]) > layers.index(layer[key])
    ]
    assert backwards == []


def test_every_table_of_segments_and_bi_shows_what_its_columns_mean(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    undescribed = [
        f"{key.to_user_string()}.{column.name}"
        for key in graph.materializable_asset_keys
        if key.path[0] in {"segments", "features", "bi"}
        for column in graph.get(key).metadata["dagster/column_schema"].columns
        if not column.description
    ]
    assert undescribed == []


def test_jobs_and_crons_are_the_ones_meant(definitions: dg.Definitions, snapshot: SnapshotAssertion):
    repository = definitions.get_repository_def()
    jobs = {
        job.name: sorted(node.name for node in job.nodes)
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    schedules = {
        schedule.name: [schedule.job_name, schedule.cron_schedule, schedule.default_status.value]
        for schedule in repository.schedule_defs
    }
    assert {"jobs": jobs, "schedules": schedules} == snapshot


def test_raw_tables_have_the_source_checks_meant(definitions: dg.Definitions, snapshot: SnapshotAssertion):
    graph = definitions.resolve_asset_graph()
    checks: dict[str, list[str]] = {}
    for key in sorted(graph.asset_check_keys):
        if key.asset_key.path[0] == "raw" and graph.get_check_spec(key).blocking:
            checks.setdefault(key.name, []).append(key.asset_key.path[-1])
    assert checks == snapshot


def test_every_asset_has_a_description_an_owner_and_a_group(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, f"{key.to_user_string()} has no description"
        assert node.owners, f"{key.to_user_string()} has no owner"
        assert node.group_name in {
            "raw", "seeds", "staging", "intermediate", "features", "segments", "actions", "bi", "publish",
        }  # fmt: skip


def test_descriptions_are_sentences_without_the_sql_of_the_model(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    described = {key.to_user_string(): graph.get(key).description or "" for key in graph.materializable_asset_keys}
    assert [name for name, text in described.items() if "select" in text or "Raw SQL" in text] == []


def test_candidates_are_checked_before_they_are_published(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    key = dg.AssetKey(["segments", "customer_segments"])
    checks = [graph.get_check_spec(each) for each in graph.asset_check_keys if each.asset_key == key]
    assert any(check.blocking for check in checks)
    published = graph.get(dg.AssetKey(["publish", "published_versions"]))
    assert key in published.parent_keys


def test_loading_the_definitions_opens_neither_warehouse_nor_network_and_a_load_needs_no_statistics(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if name != "SEGMENTATION_CONFIG"}
    finished = subprocess.run(
        [sys.executable, "-c", LOADS_AND_TOUCHES_NOTHING],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert list(tmp_path.iterdir()) == [], "loading wrote files"
