"""Source files: which there are, and whether their content has been seen."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from orchestration.lib.errors import SourceError
from orchestration.lib.settings import LocationSettings


@dataclass(frozen=True, order=True)
class SourceFile:
    """One file as it lies there: its path, and what shows cheaply that it has not been touched.

    ``changed_ns`` moves also when a writer sets the time of modification back (cp -p, rsync -t); 0 where the store
    does not keep it.
    """

    path: str
    size: int
    modified_ns: int
    changed_ns: int = 0

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name


def list_files(location: LocationSettings) -> list[SourceFile]:
    """Return the files of a location in the order of their paths, hidden ones left out; none for a database.

    Raises:
        SourceError: a pattern points to an object store.
    """
    paths: set[str] = set()
    for pattern in location.files:
        if "://" in pattern:
            raise SourceError(f"{pattern} is not a local path. Copy or mount the files, and name the local folder.")
        paths.update(path for path in glob(pattern, recursive=True) if Path(path).is_file())
    return [_found(path) for path in sorted(paths)]


def _found(path: str) -> SourceFile:
    stat = Path(path).stat()
    return SourceFile(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def content_hash(file: SourceFile, known: Mapping[SourceFile, str]) -> str:
    """Return the SHA-256 of the content; a file of the recorded path, size and time of change is not read again.

    Raises:
        SourceError: the file cannot be read.
    """
    if file in known:
        return known[file]
    try:
        with Path(file.path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{file.path} cannot be read: {error.strerror}. Check the file's permissions.") from error


def require_unchanged(file: SourceFile) -> None:
    """Refuse a file that was written to while it was read: what was loaded would not be what was hashed.

    Raises:
        SourceError: the file has changed or gone since it was listed.
    """
    if not Path(file.path).exists() or _found(file.path) != file:
        raise SourceError(f"{file.path} changed while it was read; nothing of it was kept. Run again when it is whole.")
