"""dbt in the process of the run: no interpreter to start, nothing to parse again, nothing that outlives it."""

import gc
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from orchestration.errors import SegmentationError
from orchestration.masking import masked
from orchestration.paths import PROJECT_DIR

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

PARSED_PROJECT = "partial_parse.msgpack"
_POLL_SECONDS = 0.25


def parse(arguments: Sequence[str], target: Path) -> None:
    """Parse the project into ``target``.

    Raises:
        SegmentationError: dbt fails.
    """
    with _root_logger_kept():
        from dbt.cli.main import dbtRunner

    said: list[str] = []
    result = dbtRunner(callbacks=[lambda event: _keep_error(event, said)]).invoke(_placed(arguments, target))
    parsed_project.cache_clear()
    if not result.success:
        raise SegmentationError(_failure(f"dbt cannot parse {PROJECT_DIR}", result, said))


@cache
def parsed_project(file: Path) -> "Manifest":
    """Return the project that dbt has parsed and written to a file."""
    with _root_logger_kept():
        from dbt.contracts.graph.manifest import Manifest
        from dbt.parser.manifest import extended_mashumuro_decoder

    manifest = Manifest.from_msgpack(file.read_bytes(), decoder=extended_mashumuro_decoder)
    manifest.build_parent_and_child_maps()
    manifest.build_flat_graph()
    # It lives as long as the process; without this, every garbage collection would scan all of it.
    gc.freeze()
    return manifest


def stream(arguments: Sequence[str], project: Path, target: Path) -> Iterator[dict[str, Any]]:
    """Run a dbt command and yield its structured log events while it runs.

    dbt works in a thread, so that results are recorded as they come. If the caller is interrupted, the current
    statement is too, and no other starts: the holder of the writers' lock must not release it before.

    Args:
        arguments: the command.
        project: the parsed project.
        target: the folder for the run's artifacts.

    Raises:
        SegmentationError: the command failed; the message contains every error.
    """
    with _root_logger_kept():
        from dbt.cli.main import dbtRunner
        from dbt_common.events.functions import msg_to_dict

        from orchestration.dagster_support import dbt_plugin
        from orchestration.dagster_support.dbt_session import one_session

    said: SimpleQueue[Any] = SimpleQueue()
    runner = dbtRunner(manifest=parsed_project(project), callbacks=[lambda event: _put(event, said)])
    results: list[dbtRunnerResult] = []

    def work() -> None:
        try:
            with one_session() as sessions:
                # Its results come as events; nobody reads them, or another copy of the manifest, from files.
                result = runner.invoke(_placed(["--no-write-json", *arguments], target))
                for session in list(sessions):
                    session.finish()
            results.append(result)
        except Exception as error:
            errors.append(str(error))
        finally:
            said.put(None)

    errors: list[str] = []
    thread = threading.Thread(target=work, name="dbt", daemon=True)
    dbt_plugin.begin()
    thread.start()
    try:
        while (event := said.get()) is not None:
            event.info.msg = masked(event.info.msg)
            _keep_error(event, errors)
            yield msg_to_dict(event)
    finally:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            if thread.is_alive():
                dbt_plugin.interrupt()
        dbt_plugin.close()
        is_done = bool(results) and results[0].success
        if not is_done:
            parsed_project.cache_clear()  # an aborted command leaves its additions in the project
    if not is_done:
        raise SegmentationError(_failure("dbt failed", results[0] if results else None, errors))


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """Undo a side effect of importing dbt's telemetry library, which makes every logger write to the terminal."""
    before = list(logging.root.handlers)
    yield
    logging.root.handlers[:] = before


def _placed(arguments: Sequence[str], target: Path) -> list[str]:
    """Add paths, and keep dbt from writing to the terminal itself, where it would disturb our output."""
    return [
        "--quiet", "--no-use-colors", "--no-version-check", "--no-send-anonymous-usage-stats",
        *arguments,
        "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR),
        "--target-path", str(target), "--log-path", str(target), "--log-level", "none", "--log-level-file", "info",
    ]  # fmt: skip


def _put(event: Any, said: "SimpleQueue[Any]") -> None:
    if event.info.level != "debug":
        said.put(event)


def _keep_error(event: Any, errors: list[str]) -> None:
    if event.info.level == "error":
        errors.append(str(event.info.msg))


def _failure(what: str, result: "dbtRunnerResult | None", errors: Sequence[str]) -> str:
    raised = [str(result.exception)] if result is not None and result.exception else []
    return masked("\n".join([f"{what}:", *dict.fromkeys((*errors, *raised))]))
