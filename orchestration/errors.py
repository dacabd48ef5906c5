"""Errors that a user can act on: shown without a traceback, each saying what to do next."""

import re

# The messages of DuckDB, SQLite and Python, through whatever layer they come.
_DISK_FULL = re.compile(
    r"(?P<path>/[^\s\"':]+)?[\"']?:?\s*(No space left on device|database or disk is full|Disk quota exceeded)",
    re.IGNORECASE,
)


class SegmentationError(Exception):
    """Base of all errors that the user can fix: settings, sources, versions."""


class SettingsError(SegmentationError):
    """The settings file is missing, unreadable, or has a wrong key or value."""


class SourceError(SegmentationError):
    """A source cannot be found, or cannot be read as the settings describe it."""


class VersionError(SegmentationError):
    """A version does not exist, or its status cannot change as requested."""


class RunFailedError(SegmentationError):
    """A Dagster run did not succeed."""


class LakeError(SegmentationError):
    """The lake does not open: its catalog or files are damaged, missing, unreachable or of another release."""


class LakeBusyError(SegmentationError):
    """Another process is writing to the lake."""


class ServingError(SegmentationError):
    """A serving target cannot be reached or updated; its content and published versions are unchanged."""


def full_disk(message: str) -> str | None:
    """Return what to tell the user if the message is about a full disk, else None."""
    found = _DISK_FULL.search(message)
    if not found:
        return None
    where = f" ({found['path']})" if found["path"] else ""
    return f"The disk is full{where}. Nothing of this step was kept. Make room, then run again."
