"""Source files: which there are, and whether their content has been seen."""

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
    """One file as it lies there: its path, and what shows cheaply that it has not been touched.

    ``changed_ns`` moves also when a writer sets the time of modification back (cp -p, rsync -t); 0 where the store
    does not keep it. ``store`` says how an object is reached, and is not part of what it is.
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
    """Return the files of a location in the order of their paths, hidden ones left out; none for a database.

    Raises:
        SourceError: an object store is not supported, cannot be reached, or refuses; or a pattern finds something
            that is not a readable file: a link to nothing, or a folder of a file's name.
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
    """Whether a path is a file; a folder is left out only where the pattern asks for any name."""
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
    """Return the folder that everything a pattern matches lies in, with a separator at its end."""
    before = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    return before[: before.rfind("/") + 1]


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
        SourceError: the file has changed or gone since it was listed.
    """
    if file.store:
        is_same = is_unchanged(file.path, file.size, file.modified_ns, file.store)
    else:
        is_same = Path(file.path).exists() and _found(file.path) == file
    if not is_same:
        raise SourceError(
            f"{file.path} changed while it was read; nothing of it was loaded. Run again when it is complete."
        )
