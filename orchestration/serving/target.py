"""What all serving targets have in common."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb

from orchestration.errors import ServingError
from orchestration.ingest.explain import first_line
from orchestration.masking import masked, redact
from orchestration.serving.contents import Contents, Moves
from orchestration.serving.tables import VERSION

DATABASE = "target"
"""The name under which DuckDB attaches a target."""
RECORD = "served_parts"
"""The table of a target that records what it holds: the stamp of each part, and when it was written."""
RECORD_COMMENT = (
    "What is served here: one row per table and part (a version, a day, or the current state), with the time (UTC) at"
    " which its rows were written."
)
_SHOWN = 12
RECORD_COLUMNS = {
    "table_name": "varchar",
    VERSION: "varchar",
    "row_count": "bigint",
    "fingerprint": "varchar",
    "served_at": "timestamp",
}


@dataclass(frozen=True)
class Served:
    """What an update has changed: the rows and parts written, the parts deleted, and notes for people."""

    place: str
    rows: int
    written: tuple[str, ...]
    deleted: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether anything was moved."""
        return bool(self.written or self.deleted)

    def __str__(self) -> str:
        """Return a sentence about it."""
        if not self.is_changed:
            return f"{self.place} is up to date."
        gone = f" {_listed(self.deleted)} is no longer there." if self.deleted else ""
        return f"{self.place}: {self.rows:,} rows of {_listed(self.written) or 'no version'}.{gone}"


def _listed(parts: tuple[str, ...]) -> str:
    if len(parts) <= _SHOWN:
        return ", ".join(parts)
    return f"{parts[0]} to {parts[-1]} ({len(parts)} versions and days)"


class Target(Protocol):
    """A place that versions are served to. Errors are ``ServingError``, without secrets."""

    @property
    def place(self) -> str:
        """Where the target is, for messages."""

    def update(self, connection: duckdb.DuckDBPyConnection, contents: Contents) -> Served:
        """Update the target to the state of the lake, as a whole or not at all.

        ``contents`` is read in the same transaction as its rows.
        """

    @contextmanager
    def open(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Callable[[str, Callable[[str], str]], list[Any]]]:
        """Open the target for reading; yields a function that returns the rows of a query over one of its tables."""
        yield lambda _table, _query: []


_UNCHANGED = "Its contents are unchanged; 'segmentation serve {name}' or the next publish tries again."


@contextmanager
def explained(
    place: str,
    name: str,
    *kinds: type[Exception],
    reason: Callable[[Exception], str] = first_line,
    advice: str = _UNCHANGED,
) -> Iterator[None]:
    """Turn errors of some kinds into one that names the target and says what to do, without secrets.

    Raises:
        ServingError: an error of these kinds was raised.
    """
    try:
        yield
    except ServingError:
        raise
    except kinds as error:
        redact(error)
        said = masked(reason(error))
        raise ServingError(f"{place} was not updated: {said} {advice.format(name=name)}") from error


def served(place: str, moves: Moves, contents: Contents, notes: tuple[str, ...] = ()) -> Served:
    """Summarize what was moved."""
    written = {part.key for part in moves.write}
    held = {part.key for part in contents.stamps}
    return Served(
        place=place,
        rows=sum(contents.stamps[part].rows for part in moves.write),
        written=tuple(sorted(written)),
        deleted=tuple(sorted({part.key for part in moves.delete} - held)),
        notes=notes,
    )


def sync(file: Path) -> None:
    """Write a file to disk for certain, before it replaces another."""
    with file.open("rb") as written:
        os.fsync(written.fileno())
