"""Readers beside a deployment that publishes, rolls back and is killed: how many polls fail or see half of a version.

``python -m benchmarks.readers FOLDER`` segments IBM's Telco data into the folder, and then, while readers poll:
publishes a second revision, kills runs as each of several steps begins, and rolls back and forth, killing some of the
rollbacks after a random time. A poll asks three published views for the versions they show. It is mixed when they do
not agree, when a month shows two versions or none after it had one, or when a version has other rows than at the end.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from examples.ibm_telco.fetch import fetch
from orchestration.lib.settings import load_settings
from orchestration.lib.warehouse import Warehouse

SEGMENTATION = Path(sys.executable).with_name("segmentation")
EXAMPLE = Path(__file__).parents[1] / "examples" / "ibm_telco" / "segmentation.yaml"
STEPS = ("features", "value", "segments_and_bi", "publish__published_versions")
REVISION = "\nlifecycle: {thresholds: {onboarding_days: 60}}\n"
SEEN = """
    select version_id, count(*), sum(total_value),
        (select sum(customers)::bigint from bi.value_deciles as d where d.version_id = h.version_id and scope = 'all'),
        (select count(*) from bi.behavior_evidence as e where e.version_id = h.version_id)
    from bi.customer_segment_history as h group by version_id order by version_id
"""
Rows = tuple[tuple[Any, ...], ...]


def poll(settings_file: str, stop: Event, fresh: bool, found: Any) -> None:
    """Poll until told to stop, over one connection or over a new one each time, and report what was seen how often."""
    warehouse = Warehouse(load_settings(Path(settings_file)).warehouse)
    states: Counter[Rows] = Counter()
    errors: Counter[str] = Counter()
    while not stop.is_set():
        try:
            with warehouse.reader() as connection:
                connection.execute("set threads = 1")
                while not stop.is_set():
                    states[tuple(connection.execute(SEEN).fetchall())] += 1
                    if fresh:
                        break
        except Exception as error:  # whatever it is, it is what is counted
            errors[f"{type(error).__name__}: {str(error)[:200]}"] += 1
    found.put((states, errors))


def main() -> None:
    """Run the campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rollbacks", type=int, default=40)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    settings_file = prepare(arguments.folder)
    command(settings_file, "run")

    processes = get_context("spawn")
    stop, found = processes.Event(), processes.Queue()
    readers = [
        processes.Process(target=poll, args=(str(settings_file), stop, number % 2 == 1, found))
        for number in range(arguments.readers)
    ]
    for reader in readers:
        reader.start()
    settings_file.write_text(settings_file.read_text() + REVISION)
    for step in STEPS:
        kill_at(settings_file, step)
    command(settings_file, "run")
    killed = roll(settings_file, arguments.rollbacks, random.Random(arguments.seed))
    stop.set()
    results = [found.get() for _ in readers]
    for reader in readers:
        reader.join()

    states: Counter[Rows] = sum((states for states, _ in results), Counter())
    errors: Counter[str] = sum((errors for _, errors in results), Counter())
    whole = whole_versions(settings_file)
    mixed = {state: count for state, count in states.items() if len(state) != 1 or state[0] not in whole}
    print(f"runs killed: {len(STEPS)}; rollbacks: {arguments.rollbacks}, of which killed: {killed}")
    print(f"polls: {states.total() + errors.total():,}; failed: {errors.total()}; mixed: {sum(mixed.values())}")
    print("versions seen: " + ", ".join(f"{state[0][0]} {count:,}" for state, count in states.items() if state))
    for odd, count in (*errors.items(), *mixed.items()):
        print(f"  {count} × {odd}")


def prepare(folder: Path) -> Path:
    """Put data and settings into the folder, and return the settings file."""
    fetch(folder / "source" / "telco.parquet")
    settings_file = folder / "segmentation.yaml"
    settings_file.write_text(EXAMPLE.read_text().replace("../../data/ibm_telco/", ""))
    os.environ["DAGSTER_HOME"] = str(folder / "dagster")
    return settings_file.resolve()


def command(settings_file: Path, *arguments: str) -> None:
    """Run a command of the deployment to its end."""
    subprocess.run([SEGMENTATION, *arguments, "--config", settings_file], check=True, capture_output=True)


def start(settings_file: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command in a process group of its own, so that it can be killed with all it starts."""
    return subprocess.Popen(
        [SEGMENTATION, *arguments, "--config", settings_file],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_at(settings_file: Path, step: str) -> None:
    """Start a run and kill it as the step begins."""
    process = start(settings_file, "run", "--skip-ingest")
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == f"▸ {step}":
            time.sleep(0.3)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return
    raise RuntimeError(f"the run ended before {step}")


def roll(settings_file: Path, times: int, chance: random.Random) -> int:
    """Publish the version that is not published, again and again; return how many were killed on the way."""
    killed = 0
    for _ in range(times):
        (other,) = versions(settings_file, "status in ('superseded', 'withdrawn')")
        process = start(settings_file, "rollback", other)
        if chance.random() < 0.5:
            time.sleep(chance.uniform(1, 6))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                killed += 1
        process.wait()
    return killed


def versions(settings_file: Path, condition: str) -> list[str]:
    """Return the versions of which a condition holds."""
    with Warehouse(load_settings(settings_file).warehouse).reader() as connection:
        rows = connection.execute(f"select version_id from segments.versions where {condition}").fetchall()
    return [version_id for (version_id,) in rows]


def whole_versions(settings_file: Path) -> set[tuple[Any, ...]]:
    """Return what each version shows when it is the published one and nothing else goes on."""
    shown = set()
    for _ in range(2):
        with Warehouse(load_settings(settings_file).warehouse).reader() as connection:
            shown |= set(connection.execute(SEEN).fetchall())
        command(settings_file, "rollback", versions(settings_file, "status in ('superseded', 'withdrawn')")[0])
    return shown


if __name__ == "__main__":
    main()
