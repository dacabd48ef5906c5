"""Files that have arrived: what is in the places that sources read, and whether it has stopped changing."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestration.ingest.mapping.table_source import named_locations
from orchestration.ingest.reading.files import list_files
from orchestration.settings import Settings
from orchestration.settings.sources import LocationSettings


@dataclass(frozen=True)
class Arrivals:
    """What a sensor remembers between two evaluations.

    Attributes:
        seen: digest of the files at the last evaluation.
        since: when this digest was first seen, in seconds.
        handled: digest that was last acted upon.
        waiting_since: when files were first seen to differ from ``handled``, in seconds; 0 while they do not.
    """

    seen: str = ""
    since: float = 0.0
    handled: str = ""
    waiting_since: float = 0.0

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Arrivals":
        """Read the state from the sensor's cursor."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def cursor(self) -> str:
        """Return the state as the sensor's cursor."""
        return json.dumps(asdict(self))

    def looked(
        self, found: str, now: float, debounce_seconds: float, max_wait_seconds: float
    ) -> tuple["Arrivals", bool]:
        """Return what to remember after an evaluation, and whether to act.

        Files are acted upon once they have not changed for the debounce time, so that a file still being written, or
        the many files of one delivery, count as one arrival. A folder that never stops changing is acted upon after the
        maximum wait. Files found at the very first evaluation are not an arrival.
        """
        if not self.seen:
            return Arrivals(found, now, found), False
        since = self.since if found == self.seen else now
        if found == self.handled:
            return Arrivals(found, since, found), False
        waiting_since = self.waiting_since or now
        if now - since >= debounce_seconds or now - waiting_since >= max_wait_seconds:
            return Arrivals(found, since, found), True
        return Arrivals(found, since, self.handled, waiting_since), False


def digest_of_files(settings: Settings, tables: Iterable[str]) -> str:
    """Return a digest of the files that the tables' sources read: paths, sizes and modification times.

    Files are local or in an object store; a SQLite or DuckDB database counts as a file, and a query includes the files
    of all locations that it reads. A database server has no state that is as cheap to query, and writes to it never
    stop, so its new data are left to the daily jobs.

    Raises:
        SourceError: an object store cannot be reached, or a pattern matches something that is not a file.
    """
    sources = [settings.sources[table] for table in tables if table in settings.sources]
    names = {name for source in sources for name in named_locations(source, settings.locations)}
    locations = [settings.locations[name] for name in sorted(names & settings.locations.keys())]
    found = {each for location in locations for each in list_files(location)}
    digest = hashlib.sha256()
    for each in sorted(found):
        digest.update(f"{each.path}\0{each.size}\0{each.modified_ns}\0{each.changed_ns}\n".encode())
    for path in sorted({path for location in locations for path in _database_files(location)}):
        state = path.stat()
        digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _database_files(location: LocationSettings) -> Iterator[Path]:
    """Yield the file of an embedded database and its write-ahead log, which may alone contain what is committed."""
    if location.database in {"sqlite", "duckdb"} and location.connection is not None:
        path = location.connection.get_secret_value()
        yield from (each for end in ("", "-wal", ".wal") if (each := Path(path + end)).is_file())
