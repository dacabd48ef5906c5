"""One writer at a time, whoever it is; a second one waits or says who writes, and a dead one holds nothing."""

import re
from pathlib import Path

import psutil
import pytest

from orchestration.errors import LakeBusyError, LakeError
from orchestration.lake.warehouse import Warehouse
from orchestration.lake.writer_lock import BUILDER, hold
from orchestration.settings import WarehouseSettings
from tests.operations.deployment import Deployment, make_deployment

HOLD = """
import time
from orchestration.settings import load_settings
from orchestration.lake.warehouse import Warehouse
with Warehouse(load_settings().warehouse).lock("a long run"):
    print("has it")
    time.sleep({seconds})
"""


@pytest.fixture(params=["sqlite", "postgres"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Deployment:
    if request.param == "sqlite":
        return make_deployment(tmp_path)
    return make_deployment(tmp_path, f'"postgres:{request.getfixturevalue("postgres_database")}"')


def test_a_second_writer_is_told_who_writes_since_when_or_waits_and_a_killed_one_holds_nothing(deployment):
    warehouse = deployment.warehouse
    with warehouse.writer():
        pass
    first = deployment.python(HOLD.format(seconds=60))
    first.wait_for("has it")
    with pytest.raises(LakeBusyError) as busy, warehouse.lock("a test", wait=False):
        pass
    assert re.search(
        rf"a long run \(process {first.pid} on .+since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", str(busy.value)
    )

    refused = deployment.command("maintain", "--no-wait")
    assert refused.returncode == 4
    assert "a long run" in refused.stderr
    assert "Traceback" not in refused.stderr

    waiting = deployment.start("maintain")
    assert "a long run" in waiting.wait_for("Waiting")
    first.kill()
    assert waiting.wait() == 0
    with warehouse.lock("a test", wait=False), warehouse.writer() as connection:
        connection.execute("create table ops.free (number integer)")


def test_a_reader_never_waits_for_the_lock(deployment):
    with deployment.warehouse.writer() as connection:
        connection.execute("create table ops.numbers as select 7 as number")
    first = deployment.python(HOLD.format(seconds=60))
    first.wait_for("has it")
    shown = deployment.command("sql", "select number from ops.numbers", "--format", "csv")
    first.kill()
    assert (shown.returncode, shown.stdout) == (0, "number\n7\n"), shown.stderr


# What a step does with dbt, and what our plugin does in dbt's process; dbt itself would only take longer.
BUILD = """
import os, subprocess, sys
from orchestration.dagster_support.dbt import dbt_environment, run_environment
from orchestration.settings import load_settings
from orchestration.lake.warehouse import Warehouse
warehouse = Warehouse(load_settings().warehouse)
build = "from orchestration.dagster_support.dbt_plugin import *; Plugin('run', {}); print('builds'); time.sleep(60)"
with warehouse.lock("a run"):
    os.environ.update(dbt_environment(warehouse) | run_environment("run"))
    subprocess.run([sys.executable, "-u", "-c", build])
"""


def test_the_dbt_of_a_run_that_was_killed_ends_and_the_next_writer_waits_until_it_has(deployment):
    warehouse = deployment.warehouse
    with warehouse.writer():
        pass
    run = deployment.python(BUILD)
    run.wait_for("builds")
    (child,) = psutil.Process(run.pid).children()
    with pytest.raises(LakeBusyError, match="dbt"), hold(warehouse.system_lock(BUILDER), "a test", wait=False):
        pass
    psutil.Process(run.pid).kill()  # and not what it started
    run.wait()
    with warehouse.lock("a test"):
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_has_the_lock_may_take_it_again_and_gives_it_back_with_the_last(tmp_path):
    warehouse = Warehouse(WarehouseSettings(path=tmp_path, threads=1))
    with warehouse.lock("a test"):
        with warehouse.writer(), warehouse.lock("a test", wait=False):
            pass
        assert (tmp_path / "writer.json").exists()
    assert not (tmp_path / "writer.json").exists()


def test_a_run_whose_lock_the_server_has_ended_stops_before_it_writes_on(postgres_database, tmp_path):
    settings = {"path": tmp_path / "lake", "catalog": f"postgres:{postgres_database}"}
    warehouse = Warehouse(WarehouseSettings.model_validate(settings))
    with warehouse.lock("a test"):
        with warehouse.writer():
            pass
        with warehouse.reader() as connection:
            connection.execute(f"attach '{postgres_database}' as server (type postgres)")
            connection.execute(
                "from postgres_query('server', 'select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like $$a test%$$')"
            )
        with pytest.raises(LakeError, match="run it again"), warehouse.writer():
            pass
