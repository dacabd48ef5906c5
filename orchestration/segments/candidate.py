"""A version in the making."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Candidate:
    """Which version is made, of which month, after which version of the previous month, and why."""

    version_id: str
    as_of_date: date
    previous_version_id: str | None
    changes: str
