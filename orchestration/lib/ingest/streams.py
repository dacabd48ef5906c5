"""The bytes of a source file, wherever it lies, decompressed on the way."""

from pathlib import Path

import pyarrow as pa

from orchestration.lib.settings import LocationSettings

_BY_ENDING = {"gz": "gzip", "zst": "zstd"}


def open_stream(path: str, location: LocationSettings, *, decompress: bool = True) -> pa.NativeFile:
    """Open a file for reading from its beginning.

    Raises:
        OSError: it cannot be opened.
    """
    compression = compression_of(path, location) if decompress else None
    return pa.input_stream(str(Path(path)), compression=compression)


def compression_of(path: str, location: LocationSettings) -> str | None:
    """Return gzip, zstd or None: as the location's options say, else by the file's ending."""
    chosen = location.options.get("compression")
    if chosen and chosen != "auto":
        return None if chosen == "none" else str(chosen)
    return _BY_ENDING.get(path.lower().rpartition(".")[2])
