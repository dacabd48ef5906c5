"""Readers beside a deployment that publishes, rolls back and is killed: how many polls fail or see half of a version.

``python -m benchmarks.readers FOLDER`` segments IBM's Telco data into the folder. Then, while readers poll, it kills
runs of a second revision as each of several steps begins, lets one end, and flips between the two revisions: a writer
rolls back and forth and is killed after a random time, again and again. ``--only-flips`` takes a folder that has two
revisions, and flips. A poll asks published views which versions they show. It is mixed when they do not agree, when the
month shows two versions or none, or when a version has other rows than it has with nothing else going on.
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
from orchestration.lake.warehouse import Warehouse
from orchestration.settings import load_settings

SEGMENTATION = Path(sys.executable).with_name("segmentation")
EXAMPLE = Path(__file__).parents[1] / "examples" / "ibm_telco" / "segmentation.yaml"
STEPS = ("features", "value", "segments_and_bi", "publish__published_versions")
REVISION = "\nlifecycle: {thresholds: {onboarding_days: 60}}\n"
SEEN = """
    select version_id, count(*) as customers,
        (select sum(customers)::bigint from bi.lifecycle_stages as s where s.version_id = h.version_id) as in_stages
    from bi.customer_segment_history as h group by version_id order by version_id
"""
# The transaction of 'segmentation rollback', which is that of a publish; a line for each.
FLIP = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from orchestration.settings import load_settings
from orchestration.segments.versions import rollback
from orchestration.lake.warehouse import Warehouse
with Warehouse(load_settings(Path(sys.argv[1])).warehouse).writer() as connection:
    while True:
        ((other,),) = connection.execute(
            "select version_id from segments.versions where status in ('superseded', 'withdrawn')"
        ).fetchall()
        rollback(connection, other, datetime.now(UTC).replace(tzinfo=None))
        print(other, flush=True)
"""
States = Counter[tuple[tuple[Any, ...], ...]]


def poll(settings_file: str, stop: Event, fresh: bool, found: Any) -> None:
    """Poll until told to stop, over one connection or over a new one each time, and report what was seen how often."""
    warehouse = Warehouse(load_settings(Path(settings_file)).warehouse)
    states: States = Counter()
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
    """Run the campaign and print its outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only-flips", action="store_true")
    parser.add_argument("--minutes", type=float, default=10, help="of flips")
    parser.add_argument("--readers", type=int, default=2, help="every second one connects anew for each poll")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    settings_file = (arguments.folder / "segmentation.yaml").resolve()
    if not arguments.only_flips:
        prepare(settings_file)
        command(settings_file, "run")

    processes = get_context("spawn")
    stop, found = processes.Event(), processes.Queue()
    readers = [
        processes.Process(target=poll, args=(str(settings_file), stop, number % 2 == 1, found))
        for number in range(arguments.readers)
    ]
    for reader in readers:
        reader.start()
    if not arguments.only_flips:
        settings_file.write_text(settings_file.read_text() + REVISION)
        for step in STEPS:
            kill_at(settings_file, step)
        command(settings_file, "run")
        print(f"runs killed: {len(STEPS)}, as {', '.join(STEPS)} began; then one to its end")
    killed, flips = flip(settings_file, arguments.minutes * 60, random.Random(arguments.seed))
    stop.set()
    results = [found.get() for _ in readers]
    for reader in readers:
        reader.join()

    states: States = sum((states for states, _ in results), Counter())
    errors: Counter[str] = sum((errors for _, errors in results), Counter())
    whole = whole_versions(settings_file)
    mixed = {state: count for state, count in states.items() if len(state) != 1 or state[0] not in whole}
    print(f"flips: at least {flips:,}; writers killed: {killed}")
    print(f"polls: {states.total() + errors.total():,}; failed: {errors.total()}; mixed: {sum(mixed.values())}")
    print("seen: " + ", ".join(f"{state[0]} {count:,} times" for state, count in states.items() if state))
    for odd, count in (*errors.items(), *mixed.items()):
        print(f"  {count} × {odd}")


def prepare(settings_file: Path) -> None:
    """Put data and settings into the folder."""
    fetch(settings_file.parent / "source" / "telco.parquet")
    settings_file.write_text(EXAMPLE.read_text().replace("../../data/ibm_telco/", ""))
    os.environ["DAGSTER_HOME"] = str(settings_file.parent / "dagster")


def command(settings_file: Path, *arguments: str) -> None:
    """Run a command of the deployment to its end."""
    subprocess.run([SEGMENTATION, *arguments, "--config", settings_file], check=True, capture_output=True)


def kill_at(settings_file: Path, step: str) -> None:
    """Start a run and kill it, with all it has started, as the step begins."""
    process = subprocess.Popen(
        [SEGMENTATION, "run", "--skip-ingest", "--config", settings_file],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.strip() == f"▸ {step}":
            time.sleep(0.3)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return
    raise RuntimeError(f"the run ended before {step}")


def flip(settings_file: Path, seconds: float, chance: random.Random) -> tuple[int, int]:
    """Flip between the two revisions for a time; return how many writers were killed and how often they had flipped."""
    until, killed, flips = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        writer = subprocess.Popen([sys.executable, "-c", FLIP, settings_file], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0, 10))
        writer.kill()
        flips += 1 + len(writer.stdout.readlines())
        writer.wait()
        killed += 1
    return killed, flips


def whole_versions(settings_file: Path) -> set[tuple[Any, ...]]:
    """Return what each revision shows when it is the published one and nothing else goes on."""
    shown = set()
    warehouse = Warehouse(load_settings(settings_file).warehouse)
    for _ in range(2):
        with warehouse.reader() as connection:
            shown |= set(connection.execute(SEEN).fetchall())
            (other,) = connection.execute(
                "select version_id from segments.versions where status in ('superseded', 'withdrawn')"
            ).fetchall()
        command(settings_file, "rollback", other[0])
    return shown


if __name__ == "__main__":
    main()
