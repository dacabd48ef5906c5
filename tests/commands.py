"""The command ``segmentation`` in a process of its own, forked by ``tests/command_server.py``."""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import psutil


@cache
def _server() -> subprocess.Popen[str]:
    # -P: the folders of the tests have names of packages.
    command = [sys.executable, "-P", "-W", "ignore", str(Path(__file__).with_name("command_server.py"))]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n", "the server of commands did not start; see what it says above"
    return server


class Command:
    """A command that is running; what it says goes to files, of which one may be a named pipe."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: str | Path, err: str | Path
    ) -> None:
        with tempfile.TemporaryDirectory() as made:
            fate = Path(made, "fate")
            os.mkfifo(fate)
            files = [str(out), str(err)]
            asked = {"fate": str(fate), "arguments": list(arguments), "environment": dict(environment)}
            stdin = _server().stdin
            assert stdin is not None
            print(json.dumps(asked | {"folder": str(folder), "files": files}), file=stdin, flush=True)
            self._fate = fate.open()
        self.pid = int(self._fate.readline())

    @property
    def is_running(self) -> bool:
        return psutil.pid_exists(self.pid)

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        with self._fate:
            return int(self._fate.readline())

    def kill(self) -> None:
        """Kill it with all it started, as a machine that goes down would."""
        os.killpg(self.pid, signal.SIGKILL)
        self.wait()


class Told(Command):
    """A command whose lines are read while it goes on; ``lines`` has what it says on both its streams."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        with tempfile.TemporaryDirectory() as made:
            said = Path(made, "said")
            os.mkfifo(said)
            super().__init__(arguments, environment, folder, said, said)
            self.lines = said.open()

    def wait_for(self, words: str) -> str:
        """Return the next line that has the words."""
        said = []
        for line in self.lines:
            said.append(line)
            if words in line:
                return line
        raise AssertionError(f"it ended before saying {words!r}: {''.join(said)}")


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, or Python with ``-c``."""
    with tempfile.TemporaryDirectory() as said:
        out, err = Path(said, "out"), Path(said, "err")
        code = Command(arguments, environment, folder, out, err).wait()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


def kill_at(step: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
    """Start a command, and kill it with all it started shortly after a step has begun."""
    with tempfile.TemporaryDirectory() as made:
        said = Path(made, "err")
        os.mkfifo(said)
        command = Command(arguments, environment, folder, os.devnull, said)
        with said.open() as lines:
            for line in lines:
                if line.strip() == f"▸ {step}":
                    time.sleep(0.4)
                    command.kill()
                    return
        raise AssertionError(f"the command ended before {step}: exit code {command.wait()}")
