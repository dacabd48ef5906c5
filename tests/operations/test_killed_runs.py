"""A killed run is closed in Dagster's record, so that nothing scheduled waits for it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, job, op
from dagster._core.test_utils import create_run_for_test

from orchestration.dagster_support.run_processes import (
    LAKE_TAG,
    LOCK_TAG,
    PROCESS_TAG,
    close_dead_runs,
    has_unjudged_runs,
    process_tags,
)
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import WarehouseSettings
from tests.operations.deployment import make_deployment

HERE = socket.gethostname()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(WarehouseSettings(path=tmp_path / "lake", threads=1))


@pytest.fixture
def instance(tmp_path: Path):
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        yield instance


def _started(instance: DagsterInstance, **tags: str) -> DagsterRun:
    named = {"process": PROCESS_TAG, "lake": LAKE_TAG, "lock": LOCK_TAG}
    return create_run_for_test(
        instance,
        "daily_ingest",
        status=DagsterRunStatus.STARTED,
        tags={named[name]: value for name, value in tags.items()},
    )


def _status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_run_is_dead_when_its_very_process_is_gone(instance, warehouse):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = psutil.Process(sleeper.pid).create_time()
    alive = _started(instance, process=f"{HERE} {sleeper.pid} {started:.2f}", lake=warehouse.identity, lock="true")
    reused = _started(instance, process=f"{HERE} {sleeper.pid} {started - 3600:.2f}")
    assert close_dead_runs(instance, warehouse, has_lock=True) == [reused.run_id]
    assert _status(instance, alive) is DagsterRunStatus.STARTED

    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # dead, and a zombie until somebody notices
    assert close_dead_runs(instance, warehouse, has_lock=False) == [alive.run_id]
    assert _status(instance, alive) is DagsterRunStatus.FAILURE
    sleeper.wait()


def test_a_run_of_another_machine_is_judged_by_the_lock_it_had_alone(instance, warehouse):
    had_it = _started(instance, process="elsewhere 1 1.00", lake=warehouse.identity, lock="true")
    waits = _started(instance, process="elsewhere 2 1.00", lake=warehouse.identity)
    others = _started(instance, process="elsewhere 3 1.00", lake="another", lock="true")
    unknown = _started(instance)
    assert close_dead_runs(instance, warehouse, has_lock=False) == []
    assert has_unjudged_runs(instance, warehouse)
    assert set(close_dead_runs(instance, warehouse, has_lock=True)) == {had_it.run_id, unknown.run_id}
    assert not has_unjudged_runs(instance, warehouse)
    assert {_status(instance, run) for run in (waits, others)} == {DagsterRunStatus.STARTED}


def test_the_workspace_of_a_dead_run_is_deleted_by_who_has_the_lock(instance, warehouse):
    warehouse.workspace_file.parent.mkdir(parents=True)
    warehouse.workspace_file.write_bytes(b"half made")
    assert close_dead_runs(instance, warehouse, has_lock=True) == []
    _started(instance, process="elsewhere 1 1.00", lake=warehouse.identity, lock="true")
    with warehouse.writer() as connection:
        assert connection.execute("select current_database()").fetchall() == [("lake",)]
        close_dead_runs(instance, warehouse, has_lock=False)
        assert warehouse.workspace_file.exists()
        close_dead_runs(instance, warehouse, has_lock=True)
    assert not warehouse.workspace_file.exists()


def test_a_run_in_this_process_is_never_closed(instance, warehouse):
    @op
    def look(context) -> list[str]:
        return close_dead_runs(context.instance, warehouse, has_lock=True)

    @job
    def looking():
        look()

    tags = {**process_tags(warehouse), LOCK_TAG: "true"}
    result = looking.execute_in_process(instance=instance, tags=tags)
    assert result.success
    assert result.output_for_node("look") == []


def test_a_command_waits_for_the_one_before_and_when_that_is_killed_closes_its_run_and_does_its_own_work(tmp_path):
    deployment = make_deployment(tmp_path)
    first = deployment.start("ingest")
    while not (tmp_path / "lake" / "writer.json").exists():
        assert first.is_running
        time.sleep(0.05)
    second = deployment.start("ingest")
    assert "segmentation ingest (process" in second.wait_for("written to by")
    first.wait_for("▸ raw_tables")
    first.kill()
    second.wait_for("its process had been killed")
    said = second.lines.read()
    assert second.wait() == 0, said
    with DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
    with deployment.warehouse.reader() as connection:
        assert connection.execute("select count(*) from raw.contracts").fetchall() == [(50,)]
