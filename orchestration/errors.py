"""Errors that a user can act on: shown without a traceback, each saying what to do next."""


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
