"""Source files: listing them, and recognizing content that has been read before."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

import pyarrow as pa

from orchestration.errors import SourceError
from orchestration.ingest.reading.object_store import is_remote, is_unchanged, list_objects, open_object
from orchestration.settings.sources import LocationSettings, ObjectStoreSettings


@dataclass(frozen=True, order=True)
class SourceFile:
    """One file: its path, and what shows cheaply that it has not been changed.

    ``changed_ns`` also changes if a writer resets the modification time (cp -p, rsync -t); 0 if the store does not
    record it. ``store`` says how an object is accessed, and is not part of the file's identity.
    """

    path: str
    size: int
    modified_ns: int
    changed_ns: int = 0
    store: ObjectStoreSettings | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name


def list_files(location: LocationSettings) -> list[SourceFile]:
    """Return the files of a location in the order of their paths, without hidden ones; none for a database.

    Raises:
        SourceError: an object store is not supported, unreachable, or refuses access; or a pattern matches something
            that is not a readable file: a broken link, or a folder named like a file.
    """
    found: set[SourceFile] = set()
    store = location.object_store or ObjectStoreSettings()
    for pattern in location.files:
        if is_remote(pattern):
            found.update(SourceFile(*each, store=store) for each in list_objects(pattern, store))
        else:
            found.update(_found(path) for path in glob(pattern, recursive=True) if _is_file(path, pattern))
    return sorted(found)


def _is_file(path: str, pattern: str) -> bool:
    """Whether a path is a file; a folder is ignored only if the pattern matches any name."""
    there = Path(path)
    if there.is_file():
        return True
    if there.is_dir():
        if "." not in Path(pattern).name:
            return False
        raise SourceError(
            f"{path} is a folder, and {pattern} finds it as if it were a file. Rename or move it, or find the files in "
            f"it with {pattern}/*."
        )
    what = "a link to a file that is not there" if there.is_symlink() else "not a file"
    raise SourceError(f"{path} is {what}, so its rows would be missing. Deliver it again, or remove it.")


def fixed_folder(pattern: str) -> str:
    """Return the folder that contains everything a pattern matches, with a trailing separator."""
    before = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return before[: before.rfind("/") + 1]


def _found(path: str) -> SourceFile:
    stat = Path(path).stat()
    return SourceFile(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def content_hash(file: SourceFile, known: Mapping[SourceFile, str]) -> str:
    """Return the SHA-256 of the content; a file with the recorded path, size and times is not read again.

    Raises:
        SourceError: the file cannot be read.
    """
    if file in known:
        return known[file]
    try:
        with open_object(file.path, file.store, None) if file.store else Path(file.path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, pa.ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(
            f"{file.path} cannot be read: {reason}. Check that its permissions let it be read."
        ) from error


def require_unchanged(file: SourceFile) -> None:
    """Refuse a file that was written to while it was read: what was loaded would not be what was hashed.

    Raises:
        SourceError: the file has changed or disappeared since it was listed.
    """
    if file.store:
        is_same = is_unchanged(file.path, file.size, file.modified_ns, file.store)
    else:
        is_same = Path(file.path).exists() and _found(file.path) == file
    if not is_same:
        raise SourceError(
            f"{file.path} changed while it was read; nothing of it was loaded. Run again when it is complete."
        )
