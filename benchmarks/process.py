"""Running a step in a process of its own, and what that process and its children used."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[1]
_RSS_UNITS_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10


class StepFailedError(Exception):
    """A step of the benchmark ended with an error."""


@dataclass(frozen=True)
class Usage:
    """What a whole process used, from its start to its end.

    ``cpu_seconds`` is user and system time with that of the children it waited for. ``peak_rss_mib`` is the largest
    resident set of any one of these processes, not their sum.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_rss_mib: float


def run(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Usage:
    """Run a Python module with arguments, its output going to ``log``.

    The kernel counts the memory of the caller at the start as the child's, so whoever calls this stays small: no
    DuckDB and no pandas in the process that measures.

    Raises:
        StepFailedError: the process did not end with exit code 0.
    """
    started = perf_counter()
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
        raise StepFailedError(f"{' '.join(arguments)} ended with exit code {process.returncode}:\n{tail}")
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / _RSS_UNITS_PER_MIB)
