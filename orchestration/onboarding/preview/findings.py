"""What a look at the sources finds, as data: what the terminal shows and ``--format json`` writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

ENDINGS = "of the contracts looked at: "
# The first, the middle and the last: sources change over time, and so do their mistakes.
FILES_SAMPLED = 3
Availability = Literal["full", "partial", "none"]


@dataclass
class LocationFound:
    """What lies in a location. ``bytes`` is None where it cannot be told; ``rows`` is an estimate."""

    name: str
    kind: str
    files: int = 0
    bytes: int | None = None
    rows: int | None = None
    tables: Sequence[str] = ()
    used_by: Sequence[str] = ()
    error: str | None = None


@dataclass(frozen=True)
class Rejected:
    """Rows of the sample that would be in quarantine for one reason, with the first of them.

    ``row`` counts from 1 in the file; ``line`` is known where the file is text and no value spans lines.
    """

    column: str | None
    reason: str
    rows: int
    file: str
    row: int | None
    line: int | None
    example: str | None


@dataclass(frozen=True)
class Missing:
    """A contract column that nothing fills, and what that costs; None where nothing needs it yet."""

    column: str
    costs: str | None


@dataclass
class TableCheck:
    """What a source gives for one table, judged on a sample."""

    table: str
    is_required: bool
    is_mapped: bool = False
    from_locations: Sequence[str] = ()
    files: int = 0
    file_bytes: int = 0
    sampled: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    max_share: float = 1.0
    action: str = "block"
    source_columns: Mapping[str, str] = field(default_factory=dict)
    mapped_columns: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[Missing] = ()
    ignored_columns: Sequence[str] = ()
    sample: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def endings(self) -> str | None:
        """What the contracts looked at tell of when endings are on record; None where they tell nothing."""
        told = [line for line in (*self.notes, *self.warnings) if line.startswith(ENDINGS)]
        return told[0].removeprefix(ENDINGS) if told else None

    def is_whole(self, sample_rows: int) -> bool:
        """Whether every row was looked at: few enough, in no more files than a sample is taken of."""
        return self.files <= FILES_SAMPLED and self.sampled < sample_rows / max(self.files, 1)

    @property
    def quarantined(self) -> int:
        """How many rows of the sample would be in quarantine."""
        return sum(found.rows for found in self.rejected)

    @property
    def quarantine_share(self) -> float:
        """The same as a share of the rows looked at."""
        return self.quarantined / self.sampled if self.sampled else 0.0

    @property
    def failure(self) -> str | None:
        """Why a run with this source would fail; None if it would not."""
        if self.error:
            return self.error
        if self.is_required and not self.is_mapped:
            return f"sources.{self.table} is missing, but required."
        if self.sampled and not self.accepted:
            return "not one of the rows looked at is accepted: the mapping is wrong."
        if self.quarantine_share > self.max_share and self.action == "block":
            return (
                f"{self.quarantine_share:.1%} of the rows looked at would be in quarantine, more than "
                f"sources.{self.table}.quarantine.max_share ({self.max_share:.1%}). Fix the mapping or the source, or "
                "raise the limit."
            )
        return None

    @property
    def ok(self) -> bool:
        """Whether a load would work and stay within the limit of the quarantine."""
        return self.failure is None


@dataclass(frozen=True)
class OutputCheck:
    """A published table: whether these sources fill it, and what it lacks."""

    name: str
    availability: Availability
    reasons: Sequence[str] = ()


@dataclass
class SourcesReport:
    """Everything that was found."""

    locations: list[LocationFound]
    tables: list[TableCheck]
    outputs: list[OutputCheck]
    unavailable: dict[str, str]

    @property
    def ok(self) -> bool:
        """Whether every table can be loaded."""
        return all(check.ok for check in self.tables)
