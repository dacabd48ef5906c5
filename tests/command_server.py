"""Forks a process for each command from one that has imported everything: the start of a command takes no seconds.

``tests.commands`` asks for a command with a line of JSON on standard input, and ends the server by closing it. One that
begins with ``-c`` is Python to execute, and its arguments.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import sys
import traceback

from orchestration.dagster_support.dbt import ensure_manifest
from orchestration.dagster_support.dbt_runner import PARSED_PROJECT, parsed_project
from orchestration.lake.contract import load_contract
from orchestration.lake.declarations import declared_tables
from orchestration.segments.code_version import python_version, steps
from orchestration.settings import Settings

# What a command imports and reads whatever its settings file; what depends on the settings is left to the command.
IMPORTED = (
    *("alembic", "dagster_dbt", "dagster._core.instance", "dbt.adapters.duckdb", "dbt.cli.main", "dbt.parser.manifest"),
    *("matplotlib.pyplot", "pygments", "skops.io", "sqlalchemy", "structlog", "orchestration.report", *steps()),
)
SCHEMAS = ("raw", "ops", "intermediate", "features", "segments", "bi")


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    load_contract()
    python_version(steps())
    for schema in SCHEMAS:
        declared_tables(schema)
    parsed_project(ensure_manifest(Settings()).with_name(PARSED_PROJECT))
    # No command looks again whether what is here is garbage: it would copy every page of it, too.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    print("ready", flush=True)
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _keep(**json.loads(line))
    return None


def _reap(*_signal: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _keep(fate: str, **command: object) -> None:
    """Run a command in a child, and tell its process and then its exit code through the pipe ``fate``."""
    process = os.fork()
    if process == 0:
        return _become(**command)
    with open(fate, "w") as told:
        print(process, file=told, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), file=told)
    os._exit(0)


def _become(arguments: list[str], environment: dict[str, str], folder: str, files: list[str]) -> None:
    """Be what a shell would have started: a session, standard streams, variables and a folder of its own."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # A pipe for both is opened once: who reads it may have gone on, and deleted its name, by the second time.
    written = {path: os.open(path, os.O_WRONLY | os.O_CREAT, 0o666) for path in dict.fromkeys(files)}
    for descriptor, opened in enumerate([os.open(os.devnull, os.O_RDONLY), *(written[path] for path in files)]):
        os.dup2(opened, descriptor)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)
    code: str | int | None = None
    try:
        if arguments[0] == "-c":
            sys.argv = ["-c", *arguments[2:]]
            exec(arguments[1], {"__name__": "__main__"})
        else:
            sys.argv = ["segmentation", *arguments]
            from orchestration.cli.app import app

            app()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    # As Python ends, without the destructors of libraries: DuckDB's waits for threads that no fork has.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


main()
