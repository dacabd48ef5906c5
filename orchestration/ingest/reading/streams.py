"""The bytes of a source file, wherever it is stored, decompressed while reading."""

from pathlib import Path

import pyarrow as pa

from orchestration.ingest.reading.object_store import is_remote, list_objects, open_object
from orchestration.ingest.sql_text import without_patterns
from orchestration.settings.sources import LocationSettings, ObjectStoreSettings

_BY_ENDING = {"gz": "gzip", "zst": "zstd"}


def open_stream(path: str, location: LocationSettings) -> pa.NativeFile:
    """Open a file for reading from its beginning.

    Raises:
        OSError: it cannot be opened.
    """
    compression = compression_of(path, location)
    if is_remote(path):
        return open_object(path, location.object_store or ObjectStoreSettings(), compression)
    return pa.input_stream(str(Path(path)), compression=compression)


def state_of(path: str, location: LocationSettings) -> tuple[int, ...]:
    """Return what changes when the file does: its size and times.

    Raises:
        OSError: it no longer exists.
        SourceError: the object store does not answer.
    """
    if is_remote(path):
        return tuple(list_objects(without_patterns(path), location.object_store or ObjectStoreSettings())[0][1:])
    stat = Path(path).stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def compression_of(path: str, location: LocationSettings) -> str | None:
    """Return gzip, zstd or None: by the location's options, else by the file's extension."""
    chosen = location.options.get("compression")
    if chosen and chosen != "auto":
        return None if chosen == "none" else str(chosen)
    return _BY_ENDING.get(path.lower().rpartition(".")[2])
