"""Errors that a user can act on: shown without a traceback, each saying what to do next."""

import re

# What DuckDB, SQLite and Python say of it, through whatever calls them.
_DISK_FULL = re.compile(
    r"(?P<path>/[^\s\"':]+)?[\"']?:?\s*(No space left on device|database or disk is full|Disk quota exceeded)",
    re.IGNORECASE,
)


class SegmentationError(Exception):
    """Base of every error that is the user's to fix: settings, sources, versions."""


class SettingsError(SegmentationError):
    """The settings file is missing, unreadable, or has a wrong key or value."""


class SourceError(SegmentationError):
    """A source cannot be found or read as the settings describe it."""


class VersionError(SegmentationError):
    """A version does not exist or cannot change its status as asked."""


class RunFailedError(SegmentationError):
    """A Dagster run did not succeed."""


class LakeError(SegmentationError):
    """The lake does not open: its catalog or its files are damaged, gone, out of reach or of another release."""


class LakeBusyError(SegmentationError):
    """Another process is writing to the lake."""


class ServingError(SegmentationError):
    """A serving target cannot be reached or brought up to date; what it held stays, and so does what is published."""


def full_disk(message: str) -> str | None:
    """Return what to say of a full disk, None where the message of an error is about something else."""
    found = _DISK_FULL.search(message)
    if not found:
        return None
    where = f" ({found['path']})" if found["path"] else ""
    return f"The disk is full{where}. Nothing of this step was kept. Make room, then run again."
