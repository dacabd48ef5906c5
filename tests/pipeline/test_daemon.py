"""The daemon and the webserver as a team runs them, with a catalog in PostgreSQL.

Schedules tick, and a job launched from the UI publishes.
"""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from tests.pipeline.deployments import Deployment, make_ibm

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
MONTH = "2025-12"

RUNS = "{ runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"
GROUPS = "{ assetNodes { groupName } }"
SCHEDULES = """
{ schedulesOrError(repositorySelector: {
    repositoryLocationName: "segmentation", repositoryName: "__repository__"
  }) { ... on Schedules { results { name scheduleState { id status } } } } }
"""
STOP = """
mutation ($id: String!) {
  stopRunningSchedule(id: $id) { ... on ScheduleStateResult { scheduleState { status } } }
}
"""
LAUNCH = """
mutation ($month: String!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "segmentation", repositoryName: "__repository__", jobName: "monthly_segmentation"
    },
    executionMetadata: {tags: [{key: "dagster/partition", value: $month}]}
  }) { __typename ... on PythonError { message } }
}
"""


class WebServer:
    """What the UI asks the webserver."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: str) -> Any:
        request = urllib.request.Request(
            self._url,
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def runs(self, job: str) -> list[dict[str, Any]]:
        return [run for run in self.ask(RUNS)["runsOrError"]["results"] if run["jobName"] == job]


def wait_for(what: str, ready: Callable[[], Any], seconds: int) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := ready():
                return found
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(1)
    raise AssertionError(f"{what}: not within {seconds} s")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, new_postgres_database) -> Deployment:
    catalog = f'warehouse:\n  catalog: "postgres:{new_postgres_database("daemon")}"\n'
    every_minute = '\nschedule: {daily_ingest_cron: "* * * * *"}\n'
    return make_ibm(
        tmp_path_factory.mktemp("daemon"),
        lambda settings: (
            settings.replace("warehouse:\n", catalog, 1).replace("threads: 1", "threads: 2") + every_minute
        ),
    )


@pytest.fixture(scope="module")
def webserver(deployment: Deployment) -> Iterator[WebServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (deployment.folder / "dagster").mkdir()
    # It leaves a run behind that seems started: nothing scheduled may wait for it.
    deployment.kill_at("raw_tables", "ingest")
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dagster"), "dev", "-w", ROOT / "workspace.yaml", "-p", str(port)],
        cwd=ROOT,
        env=deployment.environment | {"SEGMENTATION_CONFIG": str(deployment.settings_file)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    server = WebServer(port)
    try:
        wait_for("the webserver", lambda: server.ask(GROUPS)["assetNodes"], 120)
        yield server
    finally:
        # Its code servers and the runs are in groups of their own.
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


@pytest.fixture(scope="module")
def published(deployment: Deployment, webserver: WebServer) -> Deployment:
    """What the schedule has loaded, segmented by a job that was launched from the UI."""

    def ingested() -> bool:
        return any(
            run["status"] == "SUCCESS"
            and {"key": "dagster/schedule_name", "value": "daily_ingest_schedule"} in run["tags"]
            for run in webserver.runs("daily_ingest")
        )

    def finished() -> str | None:
        statuses = {run["status"] for run in webserver.runs("monthly_segmentation")}
        return next((status for status in statuses if status in {"SUCCESS", "FAILURE"}), None)

    wait_for("a run started by the schedule", ingested, 600)
    schedules = {
        each["name"]: each["scheduleState"] for each in webserver.ask(SCHEDULES)["schedulesOrError"]["results"]
    }
    assert schedules["daily_ingest_schedule"]["status"] == "RUNNING"
    # Another load a minute would only take the machine from the run that is launched.
    stopped = webserver.ask(STOP, id=schedules["daily_ingest_schedule"]["id"])["stopRunningSchedule"]
    assert stopped["scheduleState"]["status"] == "STOPPED"
    launched = webserver.ask(LAUNCH, month=MONTH)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert wait_for("the launched run", finished, 900) == "SUCCESS"
    return deployment


def test_the_graph_has_the_groups_of_the_flow(webserver):
    groups = {node["groupName"] for node in webserver.ask(GROUPS)["assetNodes"]}
    assert {"raw", "staging", "intermediate", "features", "segments", "bi", "publish"} <= groups


def test_the_run_of_a_killed_command_is_closed_and_holds_nothing_up(published, webserver):
    first = [run for run in webserver.runs("daily_ingest") if not any("schedule" in tag["key"] for tag in run["tags"])]
    assert [run["status"] for run in first] == ["FAILURE"]


def test_the_schedule_ticks_and_a_job_launched_from_the_ui_publishes_a_version(published):
    assert [(row["version_id"], row["status"]) for row in published.versions()] == [("2025-12-31.1", "published")]


def test_a_catalog_in_postgresql_and_two_threads_give_the_same_as_sqlite_and_one(published, ibm):
    assert not list(published.folder.rglob("catalog.sqlite"))
    expected, found = ibm.contents("segments", "bi"), published.contents("segments", "bi")
    assert expected.keys() == found.keys()
    for name in expected:
        pd.testing.assert_frame_equal(found[name], expected[name], obj=name)
