"""Files that have arrived: what lies where sources look, and whether it has come to rest."""

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
    """What a sensor remembers between two looks.

    Attributes:
        seen: digest of the files at the last look.
        since: when they were first seen like that, seconds.
        handled: digest that was last acted upon.
        waiting_since: when they were first seen to differ from what was acted upon, seconds; 0 while they do not.
    """

    seen: str = ""
    since: float = 0.0
    handled: str = ""
    waiting_since: float = 0.0

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Arrivals":
        """Read what the sensor has stored."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def cursor(self) -> str:
        """Return what the sensor stores."""
        return json.dumps(asdict(self))

    def looked(
        self, found: str, now: float, debounce_seconds: float, max_wait_seconds: float
    ) -> tuple["Arrivals", bool]:
        """Return what to remember after a look, and whether to act.

        Files are acted upon once they have not changed for the debounce: a file that is still being written, or the
        many of one delivery, are one arrival. A folder that never comes to rest is acted upon after the longest wait.
        What lies there at the first look of all is not an arrival.
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
    """Return a digest of what lies where the tables' sources look: paths, sizes and times of change.

    Files are local or on an object store; a SQLite or DuckDB database is a file too, and a query has those of all
    locations that it reads. A database server has no state that could be asked as cheaply, and writes to it never come
    to rest, so what arrives there is found by the daily jobs.

    Raises:
        SourceError: an object store cannot be reached, or a pattern finds what is not a file.
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
    """Give the file of an embedded database, and its write-ahead log: what is committed may lie in that alone."""
    if location.database in {"sqlite", "duckdb"} and location.connection is not None:
        path = location.connection.get_secret_value()
        yield from (each for end in ("", "-wal", ".wal") if (each := Path(path + end)).is_file())
