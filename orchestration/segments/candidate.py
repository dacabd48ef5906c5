"""A version that is being made."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Candidate:
    """What is made, of which month, after which version of the month before, and why."""

    version_id: str
    as_of_date: date
    previous_version_id: str | None
    changes: str
