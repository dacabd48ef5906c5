"""From the arrival of a usage file to its triggers: ``python -m benchmarks.arrival_delay FOLDER --customers 5000``.

Dagster's daemon and its sensor run as a team runs them, without the webserver. A file of usage up to today is put where
the settings look for usage; what follows is read from Dagster's record.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.deliveries import deliver_history
from benchmarks.deployment import BenchmarkFolder
from benchmarks.process import ROOT, run
from orchestration.months import last_complete_month, operators_day

if TYPE_CHECKING:
    from dagster import DagsterInstance, RunRecord

SENSOR, JOB = "arrivals_sensor", "triggers_of_arrivals"
MONTHS = 6
# Every line has used as much on each of these days, ten times what is usual: caps are reached.
_FILE = """
copy (
    with last_day as (
        select * from read_parquet($files) where usage_date = (select max(usage_date) from read_parquet($files))
    )
    select last_day.* replace ($today::date - days.number::integer as usage_date, bytes_down * 10 as bytes_down)
    from last_day, range($rows // (select count(*) from last_day) + 1) as days(number)
    order by days.number, contract_id
    limit $rows
) to '{file}' (format parquet, compression zstd)
"""
_FOUND = """
select
    (select count(*) from raw.usage where usage_date <= $today),
    (select count(*) from segments.triggers where found_date = $today)
"""


def prepare(folder: BenchmarkFolder, customers: int, today: date) -> None:
    """Simulate a base up to the last complete month, load it and publish that month."""
    month = last_complete_month(today)
    folder.make(first_month=month)
    log, environment = folder.path / "prepared.log", folder.environment
    simulated = ["simulate", str(folder.simulated), "--customers", str(customers), "--months", str(MONTHS)]
    run(["orchestration.cli.app", *simulated, "--end-month", month], environment, log)
    deliver_history(folder.simulated / "source", folder.delivered, month="later")
    run(["orchestration.cli.app", "run", "--from", month, "--to", month], environment, log)


@contextmanager
def daemon(folder: BenchmarkFolder) -> Iterator[None]:
    """Start the sensor, and Dagster's daemon with the code server that it starts itself."""
    environment = {**os.environ, **folder.environment}
    workspace = ["--workspace", str(ROOT / "workspace.yaml")]
    commands = Path(sys.executable)
    with (folder.path / "daemon.log").open("w", encoding="utf-8") as log:
        subprocess.run(
            [commands.with_name("dagster"), "sensor", "start", SENSOR, *workspace],
            cwd=ROOT, env=environment, stdout=log, stderr=log, check=True,
        )  # fmt: skip
        process = subprocess.Popen(
            [commands.with_name("dagster-daemon"), "run", *workspace],
            cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        # It stops its code server only when asked to stop.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ticks(instance: "DagsterInstance") -> list[Any]:
    """Return the looks of the sensor that are over, the first one first."""
    states = [each for each in instance.all_instigator_state() if each.instigator_name == SENSOR]
    found = [tick for each in states for tick in instance.get_ticks(each.instigator_origin_id, each.selector_id)]
    return sorted((each for each in found if each.end_timestamp), key=lambda tick: tick.timestamp)


def wait_for(what: str, ask: Callable[[], Any], seconds: int) -> Any:
    """Ask twice a second until there is something.

    Raises:
        TimeoutError: there is nothing in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.5)
    raise TimeoutError(f"{what}: nothing within {seconds} seconds; see daemon.log and 'make dev'.")


def arrive(folder: BenchmarkFolder, rows: int, today: date) -> float:
    """Put a file of usage in its place, whole at once, and return when."""
    import duckdb

    file, place = folder.path / "arriving.parquet", folder.delivered / "usage" / f"usage_{today}.parquet"
    files = [str(each) for each in (folder.delivered / "usage").glob("*")]
    with duckdb.connect() as connection:
        given = {"files": files, "today": today, "rows": rows}
        connection.execute(_FILE.format(file=file), given)
    file.rename(place)
    return time.time()


def phases(instance: "DagsterInstance", placed: float, finished: "RunRecord") -> list[tuple[str, float]]:
    """Return the moments of what followed, by what they are the end of."""
    run_id = finished.dagster_run.run_id
    looks = [tick for tick in ticks(instance) if tick.timestamp > placed]
    requested = next(tick for tick in looks if tick.run_requests)
    steps = [
        (f"step {step.step_key}", step.end_time)
        for step in sorted(instance.get_run_step_stats(run_id), key=lambda step: step.start_time or 0)
    ]
    moments = [
        ("the sensor sees the file", looks[0].end_timestamp),
        ("the file has come to rest, a run is requested", requested.end_timestamp),
        ("the daemon starts the run", finished.start_time),
        *steps,
        ("the run ends", finished.end_time),
    ]
    return [(name, moment - placed) for name, moment in moments if moment]


def found(folder: BenchmarkFolder, today: date) -> str:
    """Say what has been loaded and found."""
    from orchestration.lake.warehouse import Warehouse
    from orchestration.settings import load_settings

    with Warehouse(load_settings(folder.settings).warehouse).reader() as connection:
        ((loaded, fired),) = connection.execute(_FOUND, {"today": today}).fetchall()
    return f"{loaded:,} rows of usage in the lake, {fired:,} triggers found"


def main(
    path: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the deployment is, or is made.")],
    customers: Annotated[int, typer.Option(min=1_000)] = 5_000,
    rows: Annotated[int, typer.Option(min=1_000)] = 100_000,
) -> None:
    """Print the seconds from the arrival of a usage file to each thing that follows."""
    folder = BenchmarkFolder(path.resolve())
    today = operators_day(datetime.now(UTC), "UTC")
    if not folder.path.exists():
        prepare(folder, customers, today)
    os.environ |= folder.environment
    from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

    begun = time.time()
    with DagsterInstance.get() as instance, daemon(folder):
        wait_for("a look of the sensor", lambda: [tick for tick in ticks(instance) if tick.timestamp > begun], 300)
        placed = arrive(folder, rows, today)
        over = RunsFilter(
            job_name=JOB,
            statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE],
            created_after=datetime.fromtimestamp(placed, UTC),
        )
        (finished,) = wait_for("a run that is over", lambda: instance.get_run_records(over), 900)
        moments = phases(instance, placed, finished)
    table = Table("seconds after the file is there", "seconds", title=finished.dagster_run.status.value)
    for name, seconds in moments:
        table.add_row(name, f"{seconds:.1f}")
    Console(width=120).print(table, found(folder, today))


if __name__ == "__main__":
    typer.run(main)
