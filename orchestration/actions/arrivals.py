"""Files that have arrived: what lies where sources look, and whether it has come to rest."""

import glob
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestration.settings import Settings


@dataclass(frozen=True)
class Arrivals:
    """What a sensor remembers between two looks.

    Attributes:
        seen: digest of the files at the last look.
        since: when they were first seen like that, seconds.
        handled: digest that was last acted upon.
    """

    seen: str = ""
    since: float = 0.0
    handled: str = ""

    @classmethod
    def from_cursor(cls, cursor: str | None) -> "Arrivals":
        """Read what the sensor has stored."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def cursor(self) -> str:
        """Return what the sensor stores."""
        return json.dumps(asdict(self))

    def looked(self, found: str, now: float, debounce_seconds: float) -> tuple["Arrivals", bool]:
        """Return what to remember after a look, and whether to act.

        Files are acted upon once they have not changed for the debounce: a file that is still being written, or the
        many of one delivery, are one arrival. What lies there at the first look of all is no arrival.
        """
        if not self.seen:
            return Arrivals(found, now, found), False
        if found != self.seen:
            return Arrivals(found, now, self.handled), False
        if found != self.handled and now - self.since >= debounce_seconds:
            return Arrivals(found, self.since, found), True
        return self, False


def digest_of_files(settings: Settings, tables: Iterable[str]) -> str:
    """Return a digest of the local files of the tables' locations: names, sizes and times of change."""
    locations = {
        source.location for table in tables if (source := settings.sources.get(table)) is not None and source.location
    }
    patterns = sorted(
        pattern
        for name in locations
        if name in settings.locations
        for pattern in settings.locations[name].files
        if "://" not in pattern
    )
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in glob.glob(pattern, recursive=True)}):
        state = Path(path).stat()
        digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
