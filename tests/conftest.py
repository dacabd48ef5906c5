import gc
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Files that share what is made once a session, so that one worker has them all, and makes it once. Workers begin with
# the first two groups that are left to them: behind the longest is the shortest.
TOGETHER = {
    "a small deployment": [
        *("pipeline/test_reruns.py", "pipeline/test_point_in_time.py", "pipeline/test_actions.py"),
        *("pipeline/test_metrics.py", "pipeline/test_counts.py"),
    ],
    "the simulated deployment": [
        *("pipeline/test_homes.py", "pipeline/test_mid_band.py", "pipeline/test_simulated_isp.py"),
        *("pipeline/test_serving.py", "pipeline/test_delivery.py"),
        *("pipeline/test_purged_history.py", "pipeline/test_dirt.py"),
    ],
    "the IBM deployment": ["pipeline/test_daemon.py", "pipeline/test_ibm_telco.py"],
    **{folder: [folder] for folder in ("source_checks", "serving", "dbt", "simulator")},
}


_GROUP = {place: name for name, places in TOGETHER.items() for place in places}


def _file_and_folder(path: Path) -> tuple[str, str]:
    return f"{path.parent.name}/{path.name}", path.parent.name


class OneWorkerForEachGroup(LoadScopeScheduling):
    """Sends a file, and the files that go together, to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file, folder = _file_and_folder(Path(nodeid.partition("::")[0]))
        return _GROUP.get(file) or _GROUP.get(folder) or file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerForEachGroup:
    return OneWorkerForEachGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the long tests first, so that no worker is left alone with one at the end."""
    place = {name: number for number, name in enumerate(_GROUP)}
    items.sort(key=lambda item: min(place.get(name, len(place)) for name in _file_and_folder(item.path)))


def pytest_collection_finish() -> None:
    """Look through what was imported for garbage once, and not again with every tenth of it that tests make."""
    gc.collect()
    gc.freeze()


def _server_binaries() -> Path | None:
    """Return the folder of PostgreSQL's server programs; Debian keeps them off the path."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), shutil.which("initdb")]
    return Path(found[0]).parent if found[0] else None


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL server of its own, reached by socket; ``connection`` is a connection string without a database."""

    connection: str
    start: Callable[[], None]
    stop: Callable[[], None]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that a test may stop, if it starts it again."""
    binaries = _server_binaries()
    if binaries is None:
        pytest.skip("the PostgreSQL server is not installed (Debian: apt-get install postgresql)")
    # The path of a socket is limited to about a hundred characters, so not pytest's folder.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        account = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if account:
            shutil.chown(folder, "postgres", "postgres")

        def run(*command: object) -> None:
            subprocess.run([*account, *map(str, command)], check=True, capture_output=True, cwd="/")

        data = folder / "data"
        run(binaries / "initdb", "-D", data, "-U", "segmentation", "-A", "trust", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses='' -c fsync=off"

        def start() -> None:
            run(binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")

        def stop() -> None:
            run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")

        start()
        try:
            yield PostgresServer(f"host={folder} port={port} user=segmentation", start, stop)
        finally:
            stop()


@pytest.fixture(scope="session")
def postgres(postgres_server: PostgresServer) -> str:
    """The connection string of a server of its own, without a database."""
    return postgres_server.connection


@pytest.fixture(scope="session")
def new_postgres_database(postgres: str) -> Callable[[str], str]:
    """Make a database of a name on that server, and return its connection string."""
    binaries = _server_binaries()
    assert binaries
    server = dict(part.split("=", 1) for part in postgres.split())

    def make(name: str) -> str:
        account = ["-h", server["host"], "-p", server["port"], "-U", server["user"]]
        subprocess.run([binaries / "createdb", *account, name], check=True)
        return f"dbname={name} {postgres}"

    return make


@pytest.fixture
def postgres_database(new_postgres_database: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """A fresh database on that server."""
    return new_postgres_database(f"lake_{abs(hash(request.node.nodeid))}")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """A MariaDB server of its own, reached by socket alone; the path of the socket, for the account root."""
    server = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if server is None or shutil.which("mariadb-install-db") is None:
        pytest.skip("the MariaDB server is not installed (Debian: apt-get install mariadb-server)")
    with tempfile.TemporaryDirectory(prefix="my", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        account = ["--user=root"] if os.geteuid() == 0 else []
        data = f"--datadir={folder / 'data'}"
        install = ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal"]
        subprocess.run([*install, "--skip-test-db", *account], check=True, capture_output=True)
        path = folder / "socket"
        options = ["--skip-networking", f"--socket={path}", "--innodb-buffer-pool-size=16M"]
        command = [server, "--no-defaults", data, *options, *account]
        with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                deadline = time.monotonic() + 60
                while not _answers(path):
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < deadline, "MariaDB did not start within a minute"
                    time.sleep(0.1)
                yield str(path)
            finally:
                process.terminate()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return path.exists() and client.connect_ex(str(path)) == 0
