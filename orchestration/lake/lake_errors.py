"""Errors of the lake as one sentence that says what to do; secrets are masked in every error."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import duckdb

from orchestration.errors import LakeError
from orchestration.masking import masked, redact

_RESTORE = "Restore a backup: 'segmentation restore BACKUP'"


class Place(Protocol):
    """The location of a lake."""

    path: Path
    catalog: str

    @property
    def is_sqlite(self) -> bool:
        """Whether the catalog is a SQLite file; otherwise it is in PostgreSQL."""

    @property
    def catalog_file(self) -> Path:
        """The path of a SQLite catalog."""

    @property
    def has_data_files(self) -> bool:
        """Whether there are data files."""


@contextmanager
def explained(lake: Place) -> Iterator[None]:
    """Turn DuckDB's errors about the lake itself into a ``LakeError``; others pass through, without secrets.

    Raises:
        LakeError: the catalog or a data file is damaged, missing, unreachable or of another release.
    """
    try:
        yield
    except (duckdb.Error, sqlite3.Error) as error:
        redact(error)
        if sentence := _sentence(lake, str(error)):
            raise LakeError(sentence) from error
        raise
    except BaseException as error:
        redact(error)
        raise


def lost_catalog(lake: Place) -> LakeError:
    """Return the error for data files without a catalog: a new catalog would not know them."""
    where = str(lake.catalog_file) if lake.is_sqlite else "in PostgreSQL"
    return LakeError(
        f"The catalog {where} is gone or empty, but {lake.path / 'data'} holds data files, which mean nothing without"
        f" it. {_RESTORE}; to start over instead, move {lake.path} away first."
    )


def _sentence(lake: Place, message: str) -> str | None:
    catalog = f"The catalog {lake.catalog_file}" if lake.is_sqlite else "The catalog in PostgreSQL"
    if version := re.search(r"catalog version is ([\d.]+)\S*, but the extension requires version ([\d.]+)", message):
        found, known = version.group(1), version.group(2).rstrip(".")
        made_by = "a newer" if _parts(found) > _parts(known) else "an older"
        return (
            f"{catalog} was written by {made_by} release (format {found}; this one reads {known}). Open it with that"
            " release, or restore a backup that this one made."
        )
    if re.search(r"malformed|not a database|Failed to query most recent snapshot", message):
        return f"{catalog} is damaged: it was cut short or written over. The data files are kept. {_RESTORE}."
    if "creating a new DuckLake is explicitly disabled" in message:
        if lake.has_data_files:
            return str(lost_catalog(lake))
        return f"{catalog} has no lake in it yet. 'segmentation run' creates it."
    if re.search(r"Unable to connect to Postgres|could not connect|server closed the connection", message):
        reason = masked(message.rpartition('": ')[2] or message).strip().splitlines()[0].rstrip(".")
        return (
            f"{catalog} cannot be reached: {reason}. Check that the server runs and that"
            " 'warehouse.catalog' names host, database, user and password."
        )
    missing = re.search(r'(?:Cannot open file|No files found that match the pattern) "([^"]+\.parquet)"', message)
    if missing and missing.group(1).startswith(str(lake.path)):
        return (
            f"A data file of the lake is missing: {missing.group(1)}. If the lake was moved, let 'warehouse.path' name"
            f" where its files are now. If the file is lost: {_RESTORE[0].lower()}{_RESTORE[1:]}."
        )
    return None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.strip(".").split("."))
