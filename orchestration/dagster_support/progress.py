"""What a person sees in a terminal during a run: a line per step, and its current activity."""

import io
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, Literal, TextIO, cast

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.status import Status
from rich.text import Text

from orchestration.errors import SegmentationError, full_disk
from orchestration.masking import MaskedStream

PROGRESS_LOGGER = "progress"
# Marks messages of our assets: Dagster and its libraries also log through the steps, for the UI only.
_TOLD = "told_by_an_asset"


def tell(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, message: str) -> None:
    """Log a sentence about what an asset is doing, for the UI and for the terminal."""
    context.log.info(message, extra={_TOLD: True})


def warn(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, message: str) -> None:
    """Log a sentence that asks for attention; the terminal shows all of it."""
    context.log.warning(message, extra={_TOLD: True})


class _Progress(logging.Handler):
    """Prints the start and end of every step, messages of assets, and errors; Dagster's other events are for the UI."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._console = Console(file=_own_stderr(), highlight=False)
        self._started: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        metadata: dict[str, Any] = getattr(record, "dagster_meta", {})
        event: dg.DagsterEvent | None = metadata.get("dagster_event")
        if event is None:
            if hasattr(record, _TOLD):
                message = metadata.get("orig_message", record.getMessage())
                if record.levelno >= logging.WARNING:
                    self._console.print(Padding(Text(message, style="yellow"), (0, 0, 0, 6)))
                else:
                    # A log file gets the whole line; a terminal shows what fits.
                    line = Text(f"      {message}")
                    overflow: Literal["ellipsis", "ignore"] = "ellipsis" if self._console.is_terminal else "ignore"
                    self._console.print(line, overflow=overflow, no_wrap=True, crop=self._console.is_terminal)
        elif event.is_step_start:
            self._started[event.step_key or ""] = time.monotonic()
            self._console.print(f"  [cyan]▸[/] {event.step_key}")
        elif event.is_step_success:
            self._console.print(f"  [green]✓[/] {event.step_key} [dim]{self._seconds(event.step_key):.1f} s[/]")
        elif event.is_step_failure:
            self._console.print(f"  [red]✗[/] {event.step_key}\n{escape(_message(event))}", soft_wrap=True)

    def _seconds(self, step: str | None) -> float:
        return time.monotonic() - self._started.get(step or "", time.monotonic())


def _own_stderr() -> TextIO:
    """Return standard error as it is before any step runs.

    While steps run, Dagster redirects it into a file and mirrors that with a delay: the last messages, such as why a
    step failed, can be lost with the mirror.
    """
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except (OSError, io.UnsupportedOperation):  # replaced by another stream
        return sys.stderr
    return cast("TextIO", MaskedStream(open(descriptor, "w", encoding=sys.stderr.encoding, errors="backslashreplace")))


@dg.logger({}, description="A line a step, for a person at a terminal.")
def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """Return the logger that ``segmentation run`` uses."""
    logger = logging.Logger(PROGRESS_LOGGER, logging.DEBUG)
    logger.addHandler(_Progress())
    return logger


@contextmanager
def quiet_stdout(activity: str) -> Iterator[None]:
    """Show what dbt writes to stdout as one status line, and only in a terminal."""
    with Console(stderr=True).status(activity, spinner="dots") as status, redirect_stdout(_LastLine(status, activity)):
        yield


class _LastLine(io.TextIOBase):
    def __init__(self, status: Status, activity: str) -> None:
        self._status, self._activity = status, activity

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if line := text.strip():
            self._status.update(f"{self._activity} [dim]{escape(line[:100])}[/]")
        return len(text)


def _message(event: dg.DagsterEvent) -> str:
    """Return why a step failed: the error that was raised for people to read, else the deepest cause."""
    for_people = _names_of(SegmentationError)
    error = event.step_failure_data.error
    while error is not None and error.cause is not None and error.cls_name not in for_people:
        error = error.cause
    message = error.message.strip() if error else ""
    if error is not None and error.cls_name in for_people:
        message = message.split(": ", 1)[-1]
    if told := full_disk(message):
        return told
    # dbt's command line contains all rules and would bury the error itself.
    return re.sub(r"--vars \{.*?\}(?= --| *`)", "--vars …", message, flags=re.DOTALL)


def _names_of(kind: type[Exception]) -> set[str]:
    return {kind.__name__}.union(*(_names_of(each) for each in kind.__subclasses__()))
